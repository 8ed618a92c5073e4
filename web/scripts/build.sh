#!/usr/bin/env bash
# Installs what the web app is built with, where the lock file has changed, and builds it into dist: the program has the
# files of dist in it.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cmp -s package-lock.json node_modules/.installed-lock; then
    echo "web: installing packages"
    npm ci --silent --no-audit --no-fund --ignore-scripts
    cp package-lock.json node_modules/.installed-lock
fi
scripts/generate.sh
echo "web: building"
npm run --silent build
