#!/usr/bin/env bash
# Generates the wire code from proto/ into generated, with the generators of requirements.txt: `generate.sh PYTHON`.
set -euo pipefail
python=$(realpath -s "${1:?the Python that has them}")
cd "$(dirname "$0")"
readonly root=../..
[[ -e $root/target/proto-deps/buf/validate/validate.proto ]] || "$root/scripts/proto_deps.sh"
rm -rf generated
mkdir generated
# google/ is not generated: googleapis-common-protos brings it.
mapfile -t files < <(cd "$root/proto" && find spectra -name '*.proto' | sort)
mapfile -t services < <(cd "$root/proto" && find spectra -name '*_service.proto' | sort)
PATH=${python%/*}:$PATH
protoc() { "$python" -m grpc_tools.protoc -I "$root/proto" -I "$root/target/proto-deps" "$@"; }
protoc --python_out=generated --pyi_out=generated "${files[@]}" buf/validate/validate.proto
protoc --grpc_python_out=generated --mypy_grpc_out=quiet:generated "${services[@]}"
find generated/spectra generated/buf -type d -exec touch {}/py.typed \;
