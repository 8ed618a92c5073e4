# shellcheck shell=bash
# For the tests of the clients: a lab of their own, and the hardships of hardship.py. Source it after tests/lib.sh.

# How long the tests of one client may take.
readonly TESTS_LIMIT_S=300

hardship_pid=""

# Starts a lab, an edge of its own before it, and hardship.py, and exports where they are:
#
#   SPECTRA_LAB        the lab
#   SPECTRA_HARDSHIP   what makes things hard
#   SPECTRA_PROXY      the lab, by the way that loses answers
#   SPECTRA_EDGE       the lab, by the edge whose services can be away
#   SPECTRA_TLS        the lab, by TLS with a certificate of the authority in the file SPECTRA_AUTHORITY
start_hard_lab() {
    trap 'stop_hard_lab || exit 1' EXIT
    trap 'exit 130' INT TERM HUP
    local ports started=$SECONDS
    start_lab
    make_certificates
    read -ra ports <<<"$(free_ports 6)"
    export SPECTRA_LAB=http://$lab_address SPECTRA_PROXY=http://127.0.0.1:${ports[0]}
    export SPECTRA_TLS=https://localhost:${ports[1]} SPECTRA_AUTHORITY=$lab_folder/authority.pem
    export SPECTRA_HARDSHIP=http://127.0.0.1:${ports[3]} SPECTRA_EDGE=http://127.0.0.1:${ports[4]}
    python3 clients/hardship.py --lab "$lab_address" --admin "$lab_admin" --secret "$lab_data/jwt_secret" --keeper $$ \
        --certificate "$lab_folder/certificate.pem" --key "$lab_folder/key.pem" "${ports[@]:0:4}" \
        >"$lab_folder/hardship.log" 2>&1 </dev/null &
    hardship_pid=$!
    until curl --silent --fail "$SPECTRA_HARDSHIP/lost" >/dev/null; do
        kill -0 "$hardship_pid" 2>/dev/null || stop_with_log "hardship.py ended"
        ((SECONDS - started < START_LIMIT_S)) || stop_with_log "hardship.py was not ready"
        sleep 0.1
    done
    start_edge "127.0.0.1:${ports[4]}" "127.0.0.1:${ports[5]}" "http://127.0.0.1:${ports[2]}"
}

# start_edge LISTEN ADMIN SERVICES: an edge with nothing behind it but what is at one address.
start_edge() {
    local started=$SECONDS
    "${bare[@]}" SPECTRA_LISTEN="$1" SPECTRA_ADMIN_LISTEN="$2" SPECTRA_FORMER_LISTEN=none JWT_SECRET="$(<"$lab_data/jwt_secret")" \
        SPECTRA_AUTH_URL="$3" SPECTRA_SAMPLES_URL="$3" SPECTRA_CALIBRATION_URL="$3" SPECTRA_RUNS_URL="$3" \
        "$program" serve edge >"$lab_folder/edge.log" 2>&1 </dev/null &
    # stop_lab ends it.
    mesh_pids+=("$!")
    until "$program" healthcheck "$SPECTRA_EDGE" >/dev/null 2>&1; do
        kill -0 "${mesh_pids[@]}" 2>/dev/null || stop_with_log "the edge ended while it started"
        ((SECONDS - started < START_LIMIT_S)) || stop_with_log "the edge was not ready"
        sleep 0.1
    done
}

# The commands in a README's block that begins so.
readme_commands() {
    awk -v begin="$2" '/^```$/ { on = 0 } on { print } before && index($0, begin) == 1 { on = 1; print } { before = /^```sh$/ }' "$1"
}

# The story that the program in each README prints. Without the new certificate, the one before decides again, so that both
# refusals name the same instant.
expect_story() {
    local instant='[0-9-]+T[0-9:.]+Z' id='[0-9a-f-]{36}'
    echo "$1"
    [[ "$1" =~ ^refused\ +CALIBRATION_EXPIRED\ at\ ($instant)$'\n'started\ +by\ calibration\ $id$'\n'completed\ +the\ first\ run$'\n'refused\ +CALIBRATION_EXPIRED\ at\ ($instant)$ &&
        "${BASH_REMATCH[1]}" == "${BASH_REMATCH[2]}" ]] || stop "the program in the README does not tell its story"
}

# Runs a command to its end, or for a while. Meanwhile, a USR1 to this shell stops the lab and starts it again.
with_restarts() {
    local command status
    # The pause is long enough to be seen.
    trap 'kill -TERM "$lab_pid"; wait "$lab_pid" || true; sleep 0.5; launch_lab' USR1
    timeout "$TESTS_LIMIT_S" "$@" &
    command=$!
    while :; do
        status=0
        wait "$command" || status=$?
        kill -0 "$command" 2>/dev/null || return "$status"
    done
}

# The program in a README, in this language, for this lab.
readme_program() {
    sed -n "/^\`\`\`$2\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$1" | sed "s/127\.0\.0\.1:3012/$lab_address/"
}

stop_hard_lab() {
    [[ -z "$hardship_pid" ]] || kill "$hardship_pid" 2>/dev/null || true
    stop_lab
}
