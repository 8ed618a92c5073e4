#!/usr/bin/env bash
# Run once by PostgreSQL's image, on a new database: the login that the laboratory works with. It owns its database and
# makes the services' roles, and is no superuser, so that row security binds it.
set -euo pipefail

# The password goes in by the environment, where no list of processes shows it.
PASSWORD=$(<"${SECRETS:-/run/secrets}/database_password") psql --set=ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --quiet <<'SQL'
\getenv password PASSWORD
CREATE ROLE spectra LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE spectra OWNER spectra;
SQL
