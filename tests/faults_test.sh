#!/usr/bin/env bash
# Puts a laboratory of five processes through kills, restarts, a fail-over, overload, a slow database and long use, and
# looks whether what must hold does. A line a finding says `ok`, `FAIL`, or `note` for what is measured without a bound.
#
#   tests/faults_test.sh [CASE...]      kill, rolling, standby, overload, slow, soak, logs; all, in this order, unless said
#   tests/faults_test.sh --campaign     all of it, which takes the better part of an hour (make faults)
#   tests/faults_test.sh --help         how often and how long
#
#   SPECTRA  the program; target/debug/spectra unless set
#
# docs/operations/faults.md tells what is done and what was seen.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly venv=$PWD/target/faults-venv
clients/python/install.sh "$venv" tests/faults-requirements.txt
export PYTHONDONTWRITEBYTECODE=1 GRPC_VERBOSITY=NONE PYTHONPATH=$PWD/tests
exec "$venv/bin/python" -m faults "$@"
