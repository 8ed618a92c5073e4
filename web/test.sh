#!/usr/bin/env bash
# Checks the web app, builds it, and lets people in browsers use a real lab: the one at SPECTRA_ADDRESS, or one of its own.
set -euo pipefail
cd "$(dirname "$0")"

scripts/build.sh
echo "web: lint, types, unit tests"
npm run --silent lint
npm run --silent check
npm run --silent test
node scripts/size.mjs
echo "web: browsers"
npm run --silent e2e
