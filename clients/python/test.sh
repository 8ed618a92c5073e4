#!/usr/bin/env bash
# Builds the wheel, installs it, and lets it use a lab, as the README says and through hardships. What it makes goes to
# target/python-venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly source=$PWD/clients/python venv=$PWD/target/python-venv app=$PWD/target/python-app

# What a user has, made and run as the README says: the wheel and what it asks for, and nothing else.
run_first() {
    rm -rf "$app"
    mkdir -p "$app"
    cd "$app"
    readme_program "$source/README.md" python >first.py
    readme_commands "$source/README.md" "python3 -m venv venv" | tail -n 3 |
        sed -e "s|/path/to/dist|$venv/wheel|" -e "s|pip install|pip --quiet --disable-pip-version-check install|" >first.sh
    bash -euo pipefail first.sh
}

"$source/install.sh" "$venv"
echo "python: types"
(cd "$source" && "$venv/bin/mypy" --cache-dir "$venv/mypy" --python-executable "$venv/bin/python")
start_hard_lab
# gRPC tells of handshakes that a test wants to fail.
export PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=NONE
echo "python: the program in the README"
printed=$(run_first 2>"$lab_folder/first.log") || stop_with_log "the program in the README does not run"
expect_story "$printed"
(cd "$app" && "$venv/bin/mypy" --cache-dir "$venv/mypy" --strict --python-executable "$venv/bin/python" first.py)
echo "python: the tests"
with_restarts "$venv/bin/python" -m unittest discover --start-directory "$source/tests"
