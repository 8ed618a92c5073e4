#!/usr/bin/env bash
# Generates the Python client from proto/ and runs it against a real lab: the one at SPECTRA_ADDRESS, or one of its own.
# What it makes goes to target/: python-venv (the packages) and python-gen (the generated code).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

readonly venv=target/python-venv generated=target/python-gen requirements=clients/python/requirements.txt

install() {
    # Installed before, from the same list.
    ! cmp -s "$requirements" "$venv/requirements.txt" || return 0
    echo "python: installing the packages of $requirements"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

generate() {
    [[ -e target/proto-deps/buf/validate/validate.proto ]] || scripts/proto_deps.sh
    rm -rf "$generated"
    mkdir -p "$generated"
    # google/ is not generated: googleapis-common-protos brings it.
    local files
    mapfile -t files < <(cd proto && find spectra -name '*.proto' | sort)
    "$venv/bin/python" -m grpc_tools.protoc -I proto -I target/proto-deps --python_out="$generated" \
        --pyi_out="$generated" --grpc_python_out="$generated" "${files[@]}" buf/validate/validate.proto
}

trap 'stop_lab || exit 1' EXIT
trap 'exit 130' INT TERM HUP
install
generate
use_lab
export SPECTRA_ADDRESS="$address" PYTHONPATH="$PWD/$generated" PYTHONDONTWRITEBYTECODE=1
echo "python: the program in the README"
# shellcheck disable=SC2016  # these are backquotes
printed=$(sed -n '/^```python$/,/^```$/{/^```/!p}' clients/python/README.md | sed "s/127\.0\.0\.1:3012/$address/" |
    "$venv/bin/python" -)
echo "$printed"
[[ "$printed" == "W01 GaN wafer "* ]] || stop "the program in the README does not list the seeded wafer first"
echo "python: the story"
"$venv/bin/python" clients/python/story.py
"$venv/bin/python" -m unittest discover --start-directory clients/python --pattern 'test_*.py'
