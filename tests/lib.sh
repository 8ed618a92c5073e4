# shellcheck shell=bash
# For test scripts that want a lab: use_lab takes the one that is given or starts one; stop_lab ends that one.
# Source it with the repository's root as working directory.
#
#   SPECTRA_ADDRESS  host:port of a running lab with the demo data
#   SPECTRA          the program; target/debug/spectra unless set

program=$(realpath -m -- "${SPECTRA:-target/debug/spectra}")
# From start to ready, the making of the database included; and from the signal to the end.
readonly START_LIMIT_S=180 STOP_LIMIT_S=60

# Runs a command with settings that follow and none of the caller's: "${bare[@]}" NAME=VALUE.. COMMAND..
bare=(env -i PATH="$PATH" HOME="${HOME:-/}" LANG="${LANG:-C.UTF-8}" TMPDIR="${TMPDIR:-/tmp}"
    SPECTRA_PG_BIN="${SPECTRA_PG_BIN:-}")

lab_folder=""
lab_pid=""

# Sets `address`: that of the given lab, or of a new one.
use_lab() {
    address=${SPECTRA_ADDRESS:-}
    if [[ -z "$address" ]]; then
        start_lab
        address=$lab_address
    fi
}

# Starts a lab in a new folder on free ports, and waits until it serves. Sets lab_address, lab_admin and lab_data.
start_lab() {
    [[ -x "$program" ]] || stop "there is no $program: cargo build --workspace --bins"
    lab_folder=$(mktemp -d "${TMPDIR:-/tmp}/lab-XXXXXX")
    # Started by root, the database runs as another user, who passes through.
    chmod 711 "$lab_folder"
    lab_data=$lab_folder/data
    local ports started=$SECONDS
    ports=$(free_ports)
    lab_address=127.0.0.1:${ports% *}
    lab_admin=127.0.0.1:${ports#* }
    "${bare[@]}" SPECTRA_LISTEN="$lab_address" SPECTRA_ADMIN_LISTEN="$lab_admin" \
        "$program" up --data "$lab_data" >"$lab_folder/log" 2>&1 </dev/null &
    lab_pid=$!
    until "$program" healthcheck "http://$lab_address" >/dev/null 2>&1; do
        kill -0 "$lab_pid" 2>/dev/null || stop_with_log "the lab ended while it started"
        ((SECONDS - started < START_LIMIT_S)) || stop_with_log "the lab was not ready within $START_LIMIT_S s"
        sleep 0.2
    done
}

# Ends the lab that start_lab began, if it did, and removes its folder; fails where it had to be killed.
#   trap 'stop_lab || exit 1' EXIT
stop_lab() {
    local status=0 waited server
    if [[ -n "$lab_pid" ]]; then
        kill -TERM "$lab_pid" 2>/dev/null || true
        for ((waited = 0; waited < STOP_LIMIT_S * 5; waited++)); do
            kill -0 "$lab_pid" 2>/dev/null || break
            sleep 0.2
        done
        if kill -KILL "$lab_pid" 2>/dev/null; then
            echo "the lab did not stop within $STOP_LIMIT_S s and was killed" >&2
            status=1
            # The database of a killed lab goes on without it; the first line of this file is its process.
            server=$(head -n 1 "$lab_data/postgres/postmaster.pid" 2>/dev/null || true)
            [[ -z "$server" ]] || kill -QUIT "$server" 2>/dev/null || true
        fi
        wait "$lab_pid" 2>/dev/null || true
        lab_pid=""
    fi
    [[ -z "$lab_folder" ]] || rm -rf "$lab_folder"
    return "$status"
}

# Two ports of 127.0.0.1 that nobody listens at.
free_ports() {
    python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in sockets))'
}

stop_with_log() {
    tail -n 40 "$lab_folder/log" >&2
    stop "$1"
}

stop() {
    echo "${0##*/}: $1" >&2
    exit 1
}
