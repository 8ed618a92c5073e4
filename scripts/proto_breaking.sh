#!/usr/bin/env bash
# Compares proto/ with the last release (the last tag): what was released stays readable. Needs buf and target/proto-deps.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! tag=$(git describe --tags --abbrev=0 2>/dev/null); then
    echo "buf breaking: no release yet to compare proto/ with"
    exit 0
fi
echo "buf breaking: comparing proto/ with $tag"
base=target/proto-base
rm -rf "$base"
mkdir -p "$base/target"
git archive "$tag" proto buf.yaml | tar -x -C "$base"
# The same imports on both sides, so that only ours are compared.
cp -R target/proto-deps "$base/target/proto-deps"
buf breaking --against "$base"
