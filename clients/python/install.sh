#!/usr/bin/env bash
# Installs the wheel, built anew, into a virtual environment with what it is built and tested with, and with what further
# lists ask for: `install.sh VENV [REQUIREMENTS..]`.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
venv=$(realpath -ms "${1:?the environment}")
wanted=$venv.requirements.txt
mkdir -p "$(dirname "$venv")"
cat "$source/requirements.txt" "${@:2}" >"$wanted"
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    echo "python: installing the packages of $source/requirements.txt" "${@:2}"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement "$wanted"
    cp "$wanted" "$venv/requirements.txt"
fi
"$source/generate.sh" "$venv/bin/python"
rm -rf "$venv/wheel"
pip=("$venv/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$venv/wheel" "$source"
# With its dependencies, which the list has to name: nothing is fetched for it.
"${pip[@]}" install --no-index --force-reinstall --no-deps "$venv"/wheel/spectra_lab-*.whl
"$venv/bin/pip" --disable-pip-version-check check
