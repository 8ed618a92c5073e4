#!/usr/bin/env bash
# Does what the guide says: each page's commands in a new lab, those for a beginner twice in one, the notebook's cells, every
# link of every page; and that the reference is what proto/ says now. tests/guide.py knows how a page is read.
#
#   tests/guide_test.sh                       all of it
#   tests/guide_test.sh docs/how-to/PAGE.md.. one page, or some in one lab
#   tests/guide_test.sh rewrite               what the notebook shows, anew
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

readonly venv=target/guide-venv requirements=tests/guide-requirements.txt client=$PWD/target/python-venv
readonly notebook=docs/tutorials/notebook.ipynb
# What people go through on one lab, in this order, and come back to.
readonly beginners=("$notebook" README.md docs/tutorials/curl.md docs/tutorials/grpcurl.md docs/how-to/enter-a-certificate.md
    docs/how-to/add-an-instrument.md)

guide() {
    "$venv/bin/python" tests/guide.py "$@"
}

install() {
    if ! cmp -s "$requirements" "$venv/requirements.txt"; then
        echo "guide: installing the packages of $requirements"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement "$requirements"
        cp "$requirements" "$venv/requirements.txt"
    fi
    clients/python/install.sh "$client"
}

# The settings that a page says the lab is started with: a line `<!-- lab: NAME=VALUE .. -->`.
settings_of() {
    sed -n 's/^<!-- lab: \(.*\) -->$/\1/p' "$1"
}

# in_lab VERB PAGE..: in a lab of their own, as somebody who has nothing else, with the program at hand.
in_lab() {
    local status=0 own ports page former=("${bare[@]}")
    read -ra own <<<"$(settings_of "$2")"
    bare+=("${own[@]}")
    start_lab
    ports=$(free_ports 2)
    mkdir "$lab_folder/home"
    for page in "${@:2}"; do
        "${bare[@]}" HOME="$lab_folder/home" TMPDIR="$lab_folder/home" SPECTRA_DATA="$lab_data" \
            PYTHON="$client/bin/python" PATH="$(dirname "$program"):$PWD/target/tools/bin:$PATH" GUIDE_LAB="$lab_address" \
            GUIDE_ADMIN="$lab_admin" GUIDE_SECOND_LAB="127.0.0.1:${ports% *}" \
            GUIDE_SECOND_ADMIN="127.0.0.1:${ports#* }" "$venv/bin/python" tests/guide.py "$1" "$page" || status=$?
    done
    bare=("${former[@]}")
    stop_lab || status=1
    return "$status"
}

# caught WORDS ARGUMENT..: that tests/guide.py fails, and says so with these words.
caught() {
    local said
    if said=$(guide "${@:2}" 2>&1) || [[ "$said" != *"$1"* ]]; then
        stop "tests/guide.py $2 does not find what is wrong: ${said:-it said nothing}"
    fi
}

# Pages with one fault each, which has to be found, beside pages without.
check_checker() {
    local pages=$work/pages page=$work/pages/page.md cells=$work/pages/page.ipynb
    mkdir "$pages"
    printf '# A page\n\n[gone](gone.md)\n' >"$page"
    caught "page.md:3: there is no gone.md" links "$pages"
    printf '# A page\n\n[here](#there)\n' >"$page"
    caught "no heading for #there" links "$pages"
    printf '# A page\n\n[here](#a-page)\n' >"$page"
    guide links "$pages" >/dev/null

    printf '```sh\na=1\n```\n```sh\nfalse\necho on\n```\n' >"$page"
    caught "page.md:5: this block ended with 1" run "$page"
    printf '```sh fails\ntrue\n```\n' >"$page"
    caught "page.md:2: this block was not refused" run "$page"
    printf '```sh\necho "[1, 2]"\n```\n```json\n[1, 3]\n```\n' >"$page"
    caught "page.md:5: the answer is another, [1] is 2" run "$page"
    printf '```sh\necho one; echo two\n```\n```text\ntwo\none\n```\n' >"$page"
    caught 'it lacks `one`' run "$page"
    printf '```sh\na=1\n```\n```sh\necho "{\\"a\\": \\"$a\\", \\"b\\": 2}"\n```\n```json\n{"a": ".."}\n```\n' >"$page"
    guide run "$page" >/dev/null

    printf '{"cells": [{"cell_type": "code", "source": ["print(2)"], "outputs": [{"text": ["1"]}]}]}' >"$cells"
    PYTHON=python3 caught "and printed" run "$cells"
    printf '{"cells": [{"cell_type": "code", "source": ["1 / 0"], "outputs": []}]}' >"$cells"
    PYTHON=python3 caught "ZeroDivisionError" run "$cells"

    printf '*Sign in* and *Sign up*\n' >"$page"
    caught "says nowhere “Sign up”" labels "$page" web/src
}

check_reference() {
    "$client/bin/python" docs/reference/generate.py "$work/reference"
    diff -r --exclude=generate.py docs/reference "$work/reference" ||
        stop "the reference is stale: $client/bin/python docs/reference/generate.py"
    echo "docs/reference: as proto/ has it"
}

# That the table of roles is what a lab tells each of them.
check_roles() {
    local account column=1 told written
    start_lab
    for account in admin:admin123 pi:pi123 engineer:eng123 tech:tech123 viewer:view123; do
        column=$((column + 1))
        told=$(curl --silent --fail "http://$lab_address/api/v1/auth/login" \
            --json "{\"username\": \"${account%:*}@demo.lab\", \"password\": \"${account#*:}\"}" |
            jq -r .access_token | xargs -I TOKEN curl --silent --fail "http://$lab_address/api/v1/auth/me" \
            --header "authorization: Bearer TOKEN" | jq -r '.permissions[]' | sort)
        written=$(awk -F ' *[|] *' -v at=$((column + 1)) '/^\| `/ && $at == "✓" { gsub("`", "", $2); print $2 }' \
            docs/reference/roles.md | sort)
        [[ -n "$told" && "$told" == "$written" ]] || stop "docs/reference/roles.md is wrong about ${account%:*}: $told"
    done
    stop_lab
    echo "docs/reference/roles.md: as a lab tells it"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/guide-XXXXXX")
trap 'rm -rf "$work"; stop_lab || exit 1' EXIT
trap 'exit 130' INT TERM HUP
PATH=$PWD/target/tools/bin:$PATH
install

case "${1:-}" in
    rewrite) in_lab rewrite "$notebook" ;;
    ?*) in_lab run "$@" ;;
    *)
        check_checker
        guide links .
        check_reference
        check_roles
        guide labels docs/web.md web/src
        for page in $(grep --recursive --files-with-matches '^```sh' README.md docs --include='*.md' | sort) "$notebook"; do
            in_lab run "$page"
        done
        echo "one lab, and the pages for a beginner after each other, and again"
        in_lab run "${beginners[@]}" "${beginners[@]:1}"
        ;;
esac
