#!/usr/bin/env bash
# Calls what /openapi.json describes with what it says may be sent, and some that may not, as each role: no answer may be a
# fault of the server, a status that is not described, or another shape than described. In a lab of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

readonly venv=target/openapi-venv requirements=tests/openapi-requirements.txt
# Calls a method; more finds more, and takes longer.
readonly EXAMPLES=${EXAMPLES:-2}
# What would end the session that calls, or never ends.
readonly LEFT_OUT='watch|logout|login|refresh|/auth/password|sessions/.*:revoke|:disable|resetPassword'

if ! cmp -s "$requirements" "$venv/requirements.txt"; then
    echo "openapi: installing the packages of $requirements"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/openapi-XXXXXX")
trap 'rm -rf "$work"; stop_lab || exit 1' EXIT
trap 'exit 130' INT TERM HUP
start_lab
url=http://$lab_address
curl --silent --show-error --fail "$url/openapi.json" >"$work/openapi.json"
"$venv/bin/openapi-spec-validator" "$work/openapi.json"

# Calls what a description tells, by a token; the rest are options. Ends otherwise than well when an answer is not as told.
calls() {
    local description=$1 token=$2
    (
        cd "$work"
        "$OLDPWD/$venv/bin/st" run "$description" --url "$url" --header "Authorization: Bearer $token" --no-color --seed 1 \
            --max-examples "$EXAMPLES" --phases coverage,fuzzing --workers 1 --request-timeout 20 \
            --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
            "${@:3}" >log 2>&1
    )
}

for account in admin:admin123 pi:pi123 engineer:eng123 tech:tech123 viewer:view123; do
    credentials="{\"username\": \"${account%:*}@demo.lab\", \"password\": \"${account#*:}\"}"
    token=$(curl --silent --show-error --fail "$url/auth/login" --data "$credentials" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
    echo "openapi: as ${account%:*}"
    calls openapi.json "$token" --exclude-path-regex "$LEFT_OUT" --exclude-operation-id UsersService_UpdateUser || {
        sed -En '/= (ERRORS|FAILURES) =/,/= WARNINGS =/p' "$work/log" | head -n 120
        tail -n 30 "$work/log"
        echo "openapi: FAILED as ${account%:*}"
        exit 1
    }
    grep -E '^ *[0-9]+ generated' "$work/log" || true
done

# The same calls find what a description has wrong: a field of another type, a status that it does not tell.
wrong() {
    local found=$1 change=$2
    python3 - "$work/openapi.json" "$work/wrong.json" "$change" <<'PY'
import json, sys

description = json.load(open(sys.argv[1]))
exec(sys.argv[3])
json.dump(description, open(sys.argv[2], "w"))
PY
    if calls wrong.json "$token" --include-operation-id SamplesService_ListSamples \
        --include-operation-id SamplesService_GetSample || ! grep -q "$found" "$work/log"; then
        tail -n 30 "$work/log"
        echo "openapi: FAILED: not found: $change"
        exit 1
    fi
}
wrong 'Response violates schema' 'description["components"]["schemas"]["samples.Sample"]["properties"]["name"] = {"type": "integer"}'
wrong 'Undocumented status code' 'del description["paths"]["/api/v1/samples/{id}"]["get"]["responses"]["404"]'
echo "openapi: descriptions that are wrong are found"
