#!/usr/bin/env bash
# Runs a command against a lab of its own: a fresh data folder with the demo data, at ports of its own, stopped and
# removed afterwards.
#
#   scripts/with_lab.sh COMMAND [ARGUMENT..]
#
# SPECTRA is the program to run (target/debug/spectra). The command finds the lab at SPECTRA_URL, its health and metrics
# at SPECTRA_ADMIN_URL, the program at SPECTRA.
set -euo pipefail
cd "$(dirname "$0")/.."

SPECTRA=$(realpath "${SPECTRA:-target/debug/spectra}")
# Not those of `make up`, which may be running.
readonly listen=127.0.0.1:13012 admin=127.0.0.1:14012
export SPECTRA SPECTRA_URL="http://$listen" SPECTRA_ADMIN_URL="http://$admin"
# From start to ready, the database's creation included; and from the signal to the end.
readonly START_LIMIT_S=120 STOP_LIMIT_S=60

answers() { "$SPECTRA" healthcheck "$SPECTRA_URL" >/dev/null 2>&1; }

stop_lab() {
    local status=$? waited
    if [[ -n "${lab:-}" ]]; then
        kill -TERM "$lab" 2>/dev/null || true
        for ((waited = 0; waited < STOP_LIMIT_S * 5; waited++)); do
            kill -0 "$lab" 2>/dev/null || break
            sleep 0.2
        done
        if kill -KILL "$lab" 2>/dev/null; then
            echo "with_lab: the lab did not stop within $STOP_LIMIT_S s and was killed" >&2
            status=1
        fi
        wait "$lab" 2>/dev/null || true
        # The server of a killed lab goes on without it; the first line of this file is its process.
        local server="$folder/lab/postgres/postmaster.pid"
        [[ ! -e "$server" ]] || kill -QUIT "$(head -n 1 "$server")" 2>/dev/null || true
    fi
    if ((status != 0)) && [[ -e "$folder/log" ]]; then
        echo "with_lab: the end of the lab's log:" >&2
        tail -n 40 "$folder/log" >&2
    fi
    rm -rf "$folder"
    exit "$status"
}

(($#)) || { echo "usage: scripts/with_lab.sh COMMAND [ARGUMENT..]" >&2; exit 2; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/lab-XXXXXX")
trap stop_lab EXIT
trap 'exit 130' INT TERM HUP
# The database's account passes through when this runs as root.
chmod 755 "$folder"

if answers; then
    echo "with_lab: a lab is already running at $SPECTRA_URL: stop it first" >&2
    exit 1
fi
# Nothing of the caller's settings: a DATABASE_URL would be tested on.
env -i PATH="$PATH" HOME="${HOME:-/}" LANG="${LANG:-C.UTF-8}" SPECTRA_PG_BIN="${SPECTRA_PG_BIN:-}" \
    SPECTRA_LISTEN="$listen" SPECTRA_ADMIN_LISTEN="$admin" \
    "$SPECTRA" up --data "$folder/lab" >"$folder/log" 2>&1 </dev/null &
lab=$!
started=$SECONDS
until answers; do
    kill -0 "$lab" 2>/dev/null || { echo "with_lab: the lab ended while starting" >&2; exit 1; }
    ((SECONDS - started < START_LIMIT_S)) || { echo "with_lab: the lab was not ready in $START_LIMIT_S s" >&2; exit 1; }
    sleep 0.2
done
"$@"
