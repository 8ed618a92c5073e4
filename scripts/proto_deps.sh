#!/usr/bin/env bash
# Copies the .proto files of buf.validate out of the crate that carries them to target/proto-deps, where buf.yaml expects
# them: one version for the build and for buf.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n "s/^host: //p")
crate=$(cargo metadata --format-version 1 --filter-platform "$host" | python3 -c '
import json, os, sys
found = [p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "prost-protovalidate-types"]
assert len(found) == 1, f"one prost-protovalidate-types expected, found {found}"
print(os.path.dirname(found[0]))')
rm -rf target/proto-deps
mkdir -p target
cp -R "$crate/proto" target/proto-deps
