#!/usr/bin/env bash
# Generates the module, and lets it use a lab through hardships, and a module of its own (target/go-app) as the README says.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly source=$PWD/clients/go app=$PWD/target/go-app

# A module of a user's, made and run as the README says.
run_first() {
    rm -rf "$app"
    mkdir -p "$app"
    cd "$app"
    readme_program "$source/README.md" go >main.go
    readme_commands "$source/README.md" "go mod init" | sed "s|/path/to/clients/go|$source|" >first.sh
    bash -euo pipefail first.sh
}

export GOTOOLCHAIN=local
echo "go: generating and building"
clients/go/generate.sh
(cd "$source" && go vet ./...)
start_hard_lab
echo "go: the program in the README"
printed=$(run_first 2>"$lab_folder/first.log") || stop_with_log "the program in the README does not run"
expect_story "$printed"
echo "go: the tests"
cd "$source"
with_restarts go test -count=1 .
