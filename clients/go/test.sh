#!/usr/bin/env bash
# Generates the module, and lets it use a lab through hardships, and a module of its own (target/go-app) as the README says.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly source=$PWD/clients/go app=$PWD/target/go-app

# A module of a user's, which takes ours from its folder.
make_app() {
    rm -rf "$app"
    mkdir -p "$app"
    cd "$app"
    readme_program "$source/README.md" go >main.go
    # The versions are ours, so that nothing is looked up.
    sed -e 's/^module .*/module app/' -e '/^tool (/,/^)/d' "$source/go.mod" >go.mod
    cp "$source/go.sum" .
    go mod edit -require spectra-lab/spectralab@v0.1.0 -replace "spectra-lab/spectralab=$source"
    go build -o app .
}

export GOTOOLCHAIN=local
echo "go: generating and building"
clients/go/generate.sh
(cd "$source" && go vet ./...)
start_hard_lab
(make_app)
echo "go: the program in the README"
printed=$("$app/app")
expect_story "$printed"
echo "go: the tests"
cd "$source"
with_restarts go test -count=1 .
