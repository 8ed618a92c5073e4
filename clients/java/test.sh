#!/usr/bin/env bash
# Builds the jar, and lets it use a lab: as the README says, and through hardships. All of it goes to target/java.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly story=target/java/story
maven=(mvn --quiet --batch-mode --file clients/java/pom.xml)

[[ -e target/proto-deps/buf/validate/validate.proto ]] || scripts/proto_deps.sh
start_hard_lab
echo "java: the tests"
with_restarts "${maven[@]}" verify
echo "java: the program in the README"
rm -rf "$story"
mkdir -p "$story"
readme_program clients/java/README.md java >"$story/Story.java"
printed=$(java -cp "target/java/spectra-client-0.1.0.jar:target/java/lib/*" "$story/Story.java")
expect_story "$printed"
