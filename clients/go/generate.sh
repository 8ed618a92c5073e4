#!/usr/bin/env bash
# Generates the wire code from proto/ into gen. The generators are those that go.mod names.
set -euo pipefail
cd "$(dirname "$0")"
readonly root=../.. plugins=../../target/go-plugins
module=$(go list -m)
[[ -e $root/target/proto-deps/buf/validate/validate.proto ]] || "$root/scripts/proto_deps.sh"
mkdir -p "$plugins"
go build -o "$plugins/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

# Where the Go code of each file is. google/ and buf/ have theirs elsewhere already.
packages=(Mgoogle/api/annotations.proto=google.golang.org/genproto/googleapis/api/annotations
    Mgoogle/api/http.proto=google.golang.org/genproto/googleapis/api/annotations
    Mgoogle/api/field_behavior.proto=google.golang.org/genproto/googleapis/api/annotations)
mapfile -t files < <(cd "$root/proto" && find spectra -name '*.proto' | sort)
for file in "${files[@]}"; do
    folder=${file#spectra/}
    folder=${folder%/*}
    packages+=("M$file=$module/gen/$folder;${folder/\//}")
done
options=$(IFS=,; echo "module=$module,${packages[*]}")

rm -rf gen
PATH=$PWD/$plugins:$PATH protoc -I "$root/proto" -I "$root/target/proto-deps" --go_out=. --go_opt="$options" \
    --go-grpc_out=. --go-grpc_opt="$options" "${files[@]}"
