#!/usr/bin/env bash
# Makes docs/pictures anew: of a lab of its own, just set up, in a real browser. Build the program and the app before.
set -euo pipefail
cd "$(dirname "$0")/.."
PICTURES=1 npm run --silent e2e -- e2e/pictures.e2e.ts
