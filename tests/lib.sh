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

# What every process of a mesh is told, beside where the others are.
mesh_settings=()
# How grpcurl connects to the lab.
connection=(-plaintext)

lab_folder=""
lab_pid=""
mesh_pids=()

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
    ports=$(free_ports 2)
    lab_address=127.0.0.1:${ports% *}
    lab_admin=127.0.0.1:${ports#* }
    launch_lab
    until "$program" healthcheck "http://$lab_address" >/dev/null 2>&1; do
        kill -0 "$lab_pid" 2>/dev/null || stop_with_log "the lab ended while it started"
        ((SECONDS - started < START_LIMIT_S)) || stop_with_log "the lab was not ready within $START_LIMIT_S s"
        sleep 0.2
    done
}

# Starts the process of the lab. Sets lab_pid.
launch_lab() {
    "${bare[@]}" SPECTRA_LISTEN="$lab_address" SPECTRA_ADMIN_LISTEN="$lab_admin" \
        "$program" up --data "$lab_data" >>"$lab_folder/log" 2>&1 </dev/null &
    lab_pid=$!
}

# On the database of the lab that start_lab began: a process for each service, and one for the edge. With `tls`, each has
# a certificate, tokens have keys of their own, and only Auth has the secret. Sets mesh_address, mesh_admins (one for each
# service, in the order of their names, and the edge's), and `connection`.
start_mesh() {
    local secret ports service scheme=http index=0 own started=$SECONDS
    secret=$(<"$lab_data/jwt_secret")
    read -ra ports <<<"$(free_ports 10)"
    if [[ "${1:-}" == tls ]]; then
        make_certificates
        scheme=https
        connection=(-cacert "$lab_folder/authority.pem")
        mesh_settings+=(JWT_ALGORITHM=EdDSA SPECTRA_TLS_CERTIFICATE="$lab_folder/certificate.pem"
            SPECTRA_TLS_KEY="$lab_folder/key.pem" SPECTRA_TLS_AUTHORITY="$lab_folder/authority.pem")
    fi
    mesh_admins=()
    for service in AUTH CALIBRATION RUNS SAMPLES; do
        mesh_settings+=(SPECTRA_"$service"_LISTEN="127.0.0.1:${ports[index]}"
            SPECTRA_"$service"_URL="$scheme://127.0.0.1:${ports[index]}")
        index=$((index + 1))
    done
    mesh_address=127.0.0.1:${ports[4]}
    mesh_settings+=(SPECTRA_LISTEN="$mesh_address")
    index=5
    for service in auth calibration runs samples edge; do
        own=(JWT_SECRET="$secret" DATABASE_URL="$(<"$lab_data/database_url")")
        if [[ "$scheme" == https ]]; then
            case "$service" in
                auth) ;;
                edge) own=(SPECTRA_SEAL_KEY="$secret") ;;
                *) own=(DATABASE_URL="$(<"$lab_data/database_url")" SPECTRA_SEAL_KEY="$secret"
                    SPECTRA_SERVICE_CREDENTIAL="$(JWT_SECRET=$secret "$program" keys credential "$service")") ;;
            esac
        fi
        mesh_admins+=("127.0.0.1:${ports[index]}")
        "${bare[@]}" "${mesh_settings[@]}" "${own[@]}" SPECTRA_ADMIN_LISTEN="127.0.0.1:${ports[index]}" \
            "$program" serve "$service" >"$lab_folder/$service.log" 2>&1 </dev/null &
        mesh_pids+=("$!")
        index=$((index + 1))
    done
    until "${bare[@]}" "${mesh_settings[@]}" "$program" healthcheck "$scheme://$mesh_address" >/dev/null 2>&1 &&
        [[ $(probe_mesh) == 4 ]]; do
        kill -0 "${mesh_pids[@]}" 2>/dev/null || stop_with_log "a service ended while it started"
        ((SECONDS - started < START_LIMIT_S)) || stop_with_log "the mesh was not ready within $START_LIMIT_S s"
        sleep 0.2
    done
}

# How many services of the mesh answer through its edge, if only that somebody has to sign in first.
probe_mesh() {
    local method answers=0
    for method in auth.v1.AuthService/GetCurrentUser samples.v1.SamplesService/ListSamples \
        calibration.v1.InstrumentsService/ListInstruments runs.v1.RunsService/ListRuns; do
        # It ends with an error, which would count for the whole pipe.
        if { grpcurl "${connection[@]}" -max-time 5 -H "authorization: Bearer x" -d '{}' "$mesh_address" \
            "spectra.$method" 2>&1 || true; } | grep -q 'Unauthenticated'; then
            answers=$((answers + 1))
        fi
    done
    echo "$answers"
}

# An authority of the test's own, and a certificate of it for this machine.
make_certificates() {
    local folder=$lab_folder
    {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=authority of a test" \
            -keyout "$folder/authority.key" -out "$folder/authority.pem"
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=a service of a test" \
            -keyout "$folder/key.pem" -out "$folder/request.pem"
        openssl x509 -req -in "$folder/request.pem" -days 2 -CA "$folder/authority.pem" -CAkey "$folder/authority.key" \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out "$folder/certificate.pem"
    } >"$folder/openssl.log" 2>&1 || stop "no certificate could be made: $(tail -n 3 "$folder/openssl.log")"
}

# Ends the lab that start_lab began, if it did, and removes its folder; fails where it had to be killed.
#   trap 'stop_lab || exit 1' EXIT
stop_lab() {
    local status=0 waited server
    if ((${#mesh_pids[@]})); then
        kill -TERM "${mesh_pids[@]}" 2>/dev/null || true
        wait "${mesh_pids[@]}" 2>/dev/null || status=1
        mesh_pids=()
    fi
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

# free_ports N: of 127.0.0.1, that nobody listens at, below those that the system takes for connections.
free_ports() {
    python3 -c '
import random, socket, sys
sockets = []
while len(sockets) < int(sys.argv[1]):
    try:
        sockets.append(socket.create_server(("127.0.0.1", random.randrange(12000, 32000))))
    except OSError:
        pass
print(*(s.getsockname()[1] for s in sockets))' "$1"
}

stop_with_log() {
    tail -n 40 "$lab_folder"/*log >&2
    stop "$1"
}

stop() {
    echo "${0##*/}: $1" >&2
    exit 1
}
