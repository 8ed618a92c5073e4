#!/usr/bin/env bash
# Generates into src/gen: the client from proto/, and the functions that say the words of the catalogs (words.en.json).
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -e ../target/proto-deps/buf/validate/validate.proto ]] || ../scripts/proto_deps.sh
rm -rf src/gen
mkdir -p src/gen
mapfile -t files < <(cd ../proto && find . -name '*.proto' -printf '%P\n' | sort)
protoc -I ../proto -I ../target/proto-deps --include_imports --include_source_info --descriptor_set_out=/dev/stdout \
    "${files[@]}" | node scripts/lean.mjs > src/gen/contract.binpb
mapfile -t files < <(cd ../proto && find google/rpc spectra -name '*.proto' | sort)
protoc --descriptor_set_in=src/gen/contract.binpb --plugin=protoc-gen-es=node_modules/.bin/protoc-gen-es \
    --es_out=src/gen --es_opt=target=ts,import_extension=none "${files[@]}"
npm run --silent words
