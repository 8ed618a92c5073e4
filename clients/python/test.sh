#!/usr/bin/env bash
# Builds the wheel, installs it, and lets it use a lab, as the README says and through hardships. What it makes goes to
# target/python-venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly source=$PWD/clients/python venv=$PWD/target/python-venv

"$source/install.sh" "$venv"
echo "python: types"
(cd "$source" && "$venv/bin/mypy" --cache-dir "$venv/mypy" --python-executable "$venv/bin/python")
start_hard_lab
# gRPC tells of handshakes that a test wants to fail.
export PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=NONE
echo "python: the program in the README"
printed=$(readme_program "$source/README.md" python | "$venv/bin/python" -)
expect_story "$printed"
echo "python: the tests"
with_restarts "$venv/bin/python" -m unittest discover --start-directory "$source/tests"
