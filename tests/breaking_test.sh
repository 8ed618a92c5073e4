#!/usr/bin/env bash
# Tries that scripts/proto_breaking.sh guards what was released, on a copy with a release of its own. Needs buf and
# target/proto-deps.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# Releases of the project itself are not what is compared with.
git clone -q --no-tags . "$copy"
mkdir -p "$copy/target"
cp -R target/proto-deps "$copy/target/proto-deps"
cd "$copy"
git tag released

fail() {
    printf 'breaking_test: %s\n%s\n' "$1" "$said" >&2
    exit 1
}

said=$(scripts/proto_breaking.sh 2>&1) || fail "the contract as it was released is refused"
[[ "$said" == *released* ]] || fail "nothing was compared"

sample=proto/spectra/samples/v1/sample.proto
printf '\n// Something new.\nmessage Novelty {\n  // Its name.\n  string name = 1;\n}\n' >>"$sample"
said=$(scripts/proto_breaking.sh 2>&1) || fail "what is added is refused"
git checkout -q proto

# One at a time: another number, another type, another name in JSON, gone.
for change in 's/string name = ([0-9]+)/string name = 99/' 's/string name = /bytes name = /' \
    's/string name = /string title = /' '/string name = /,/;/d'; do
    sed -i -E "$change" "$sample"
    ! git diff --quiet || fail "$change changes nothing"
    if said=$(scripts/proto_breaking.sh 2>&1); then fail "goes through: $change"; fi
    [[ "$said" == *sample.proto* ]] || fail "refused for something else: $change"
    git checkout -q proto
done
echo "breaking_test: what was released stays readable"
