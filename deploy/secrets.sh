#!/usr/bin/env bash
# Makes the secrets of a laboratory, a file each, in a folder. A file that is there stays as it is.
#
#   deploy/secrets.sh [FOLDER]    else SPECTRA_SECRETS, as docker-compose.yml reads it; else secrets/
#
#   DATABASE_HOST  where the services find PostgreSQL; postgres unless set
#   SPECTRA        the program; else target/release/spectra, else the image SPECTRA_IMAGE (spectra-lab:local) in docker
#
# SPECTRA_SECRETS and SPECTRA_IMAGE may be in .env, too; the environment goes before it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# set_in_env NAME: the value that .env has of it. Nothing in the file is run.
set_in_env() {
    [[ -f "$root/.env" ]] || return 0
    sed -nE "s/^$1=[\"']?([^\"'#]*[^\"'#[:space:]]).*/\1/p" "$root/.env" | tail -n 1
}

given=${1:-}
if [[ -z "$given" ]]; then
    given=${SPECTRA_SECRETS:-$(set_in_env SPECTRA_SECRETS)}
    # Compose takes it from the folder that its file is in.
    [[ -z "$given" || "$given" == /* ]] || given=$root/$given
fi
readonly folder=${given:-$root/secrets} host=${DATABASE_HOST:-postgres}
image=${SPECTRA_IMAGE:-$(set_in_env SPECTRA_IMAGE)}
readonly image=${image:-spectra-lab:local}

main() {
    # Other people of this machine do not get into the folder. In a container, which is not root, the files are readable.
    mkdir -p "$folder"
    chmod 700 "$folder"
    make postgres_password random_hex
    make database_password random_hex
    make database_url database_url
    make jwt_secret random_hex
    make seal_key random_hex
    local service
    for service in samples calibration runs; do
        make "credential_$service" credential "$service"
    done
    echo "secrets are in $folder"
}

# make NAME COMMAND..: the file, unless it is there, with what the command prints.
make() {
    local file=$folder/$1
    [[ ! -s "$file" ]] || return 0
    "${@:2}" >"$file.new"
    chmod 444 "$file.new"
    mv "$file.new" "$file"
}

# 256 bits, in characters that mean nothing in a URL.
random_hex() {
    openssl rand -hex 32
}

database_url() {
    echo "postgres://spectra:$(<"$folder/database_password")@$host/spectra"
}

# By what a service proves itself to Auth, which alone has jwt_secret.
credential() {
    JWT_SECRET=$(<"$folder/jwt_secret") spectra keys credential "$1"
}

spectra() {
    local program=${SPECTRA:-$root/target/release/spectra}
    if [[ -n "${SPECTRA:-}" || -x "$program" ]]; then
        "$program" "$@"
    else
        docker run --rm --env JWT_SECRET "$image" "$@"
    fi
}

main
