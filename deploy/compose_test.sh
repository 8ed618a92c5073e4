#!/usr/bin/env bash
# Brings docker-compose.yml up in a container engine, under a name of its own, walks the acceptance test against it, and
# takes it all away again. Wants docker with its compose plugin (2.20 or newer) on Linux.
#
#   SPECTRA_IMAGE  an image that is there already; else it is built
#   SPECTRA        the program on this machine, for what the acceptance test asks of it; target/debug/spectra unless set
set -euo pipefail
cd "$(dirname "$0")/.."

readonly address=${SPECTRA_PUBLISH:-127.0.0.1}:3012
lab() { docker compose --project-name spectra-lab-test "$@"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/compose-XXXXXX")
export SPECTRA_SECRETS=$work/secrets
trap 'lab down --volumes --timeout 30 >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

if [[ -z "${SPECTRA_IMAGE:-}" ]]; then
    lab build
fi
deploy/secrets.sh "$SPECTRA_SECRETS"
if ! lab up --detach --wait --no-build --quiet-pull; then
    lab logs --tail 20 >&2
    exit 1
fi
lab ps --all

# address_of SERVICE NETWORK: of its container, which this machine reaches though nothing is published.
address_of() {
    docker inspect --format "{{(index .NetworkSettings.Networks \"spectra-lab-test_$2\").IPAddress}}" "$(lab ps --quiet "$1")"
}
admins=()
for service in auth calibration runs samples edge; do
    admins+=("$(address_of "$service" mesh):4012")
done
# The acceptance test tries the migrations on databases of its own: as the superuser, who may make them.
SPECTRA_ADDRESS=$address SPECTRA_ADMIN="${admins[*]}" JWT_ALGORITHM=${JWT_ALGORITHM:-EdDSA} \
    DATABASE_URL="postgres://postgres:$(<"$SPECTRA_SECRETS/postgres_password")@$(address_of postgres data)/spectra" \
    tests/acceptance_test.sh

# The former API's ports answer as well.
for port in 8001 8002; do
    curl --silent --show-error --fail --max-time 10 "http://${SPECTRA_PUBLISH:-127.0.0.1}:$port/health" >/dev/null
done

# What the containers were promised to be: not root, nothing to write to, no way to more rights.
readonly promised="read_only=true caps=[ALL] security=[no-new-privileges:true]"
for service in auth calibration runs samples edge postgres; do
    user=65532:65532
    [[ $service != postgres ]] || user=postgres
    is=$(docker inspect --format 'user={{.Config.User}} read_only={{.HostConfig.ReadonlyRootfs}} caps={{.HostConfig.CapDrop}} security={{.HostConfig.SecurityOpt}}' \
        "$(lab ps --quiet "$service")")
    [[ "$is" == "user=$user $promised" ]] || { echo "compose: $service is $is, not user=$user $promised" >&2; exit 1; }
done
echo "compose: up, accepted, and gone again"
