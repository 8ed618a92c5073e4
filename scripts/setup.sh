#!/usr/bin/env bash
# Installs what this machine lacks for one of the project's commands, and is quick when that is nothing.
#
#   scripts/setup.sh run      to build the program and run a lab on this machine (make up)
#   scripts/setup.sh test     to run the tests (make test)
#   scripts/setup.sh check    to check the code without running it (make check)
#
# System packages are installed on Debian and Ubuntu; elsewhere it says which programs are missing. The project's own
# tools go to target/tools, and nowhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

# The versions of the tools.
readonly BUF=1.74.0 GRPCURL=v1.9.3 CARGO_DENY=0.20.2
# The oldest PostgreSQL that runs a lab.
readonly POSTGRES=15
# The oldest Node.js that builds the web app.
readonly NODE=20.19

readonly tools="$PWD/target/tools"
packages=()
programs=()

main() {
    case "${1:-}" in
        run) need_run ;;
        test) need_run; need_test ;;
        check) need_run; need_check ;;
        *) stop "usage: scripts/setup.sh run|test|check" ;;
    esac
    install_packages
    case "$1" in
        run) ;;
        test) tool_grpcurl; tool_promtool ;;
        check) tool_buf; tool_cargo_deny ;;
    esac
}

need_run() {
    have cargo || stop "Rust is missing: install it as rustup.rs says (1.95 or newer), then start again"
    have cc || need "a C compiler" gcc libc6-dev
    have make || need make make
    have protoc || need "protoc (Protocol Buffers)" protobuf-compiler
    includes_protobuf || need "the .proto files of Protocol Buffers" libprotobuf-dev
    [[ -n "${SPECTRA_PG_BIN:-}" ]] || has_postgres || need "PostgreSQL $POSTGRES or newer" postgresql
    # The web app is built into the program.
    ! have node || recent_node || old_node
    have npm || need "Node.js with npm" nodejs npm
}

need_test() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || need "Python 3 with venv" python3 python3-venv
    have curl || need curl curl
    have jq || need jq jq
    # kill is a command of every shell, but the tests want the program.
    type -P kill pgrep >/dev/null || need "kill and pgrep" procps
    have psql || need "psql (PostgreSQL's client)" postgresql-client
    have pgbouncer || need pgbouncer pgbouncer
    have go || need Go golang-go
    have javac || need "a JDK" default-jdk-headless
    have mvn || need Maven maven
    have chromium || [[ -n "${CHROMIUM:-}" ]] || need "Chromium (or one that CHROMIUM names)" chromium
    have openssl || need openssl openssl
}

need_check() {
    cargo fmt --version >/dev/null 2>&1 || component rustfmt
    cargo clippy --version >/dev/null 2>&1 || component clippy
    have python3 || need "Python 3" python3
    have git || need git git
}

old_node() {
    stop "the web app is built with Node.js $NODE or newer, and this one is $(node --version): install a newer one"
}

recent_node() {
    printf '%s\n' "$NODE" "$(node --version | tr -d v)" | sort --check --version-sort 2>/dev/null
}

# Notes a program that is missing and the packages that bring it.
need() {
    programs+=("$1")
    packages+=("${@:2}")
}

install_packages() {
    ((${#packages[@]})) || return 0
    local list
    list=$(printf ', %s' "${programs[@]}")
    have apt-get || stop "missing: ${list:2}; install them with this system's package manager, then start again"
    ((EUID == 0)) || have sudo || stop "missing: ${list:2}; as root: apt-get install ${packages[*]}"
    say "installing ${packages[*]}"
    local apt=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
    local log=target/setup.log
    mkdir -p target
    { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends -y "${packages[@]}"; } </dev/null >"$log" 2>&1 ||
        stop "apt-get could not install them: $(grep '^E:' "$log" || tail -n 5 "$log")"
    ! have node || recent_node || old_node
    [[ -n "${SPECTRA_PG_BIN:-}" ]] || has_postgres ||
        stop "this system's PostgreSQL is older than $POSTGRES: install a newer one from the PostgreSQL project's own" \
            "packages, or set SPECTRA_PG_BIN to the folder of its programs"
}

has_postgres() {
    local programs version
    for programs in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
        /usr/local/opt/postgresql*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
        [[ -x "$programs/initdb" && -x "$programs/postgres" ]] || continue
        version=$("$programs/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        ((version >= POSTGRES)) && return 0
    done
    return 1
}

includes_protobuf() {
    local include
    for include in /usr/include /usr/local/include /opt/homebrew/include "${PROTOC_INCLUDE:-/usr/include}"; do
        [[ ! -e "$include/google/protobuf/descriptor.proto" ]] || return 0
    done
    return 1
}

component() {
    have rustup || stop "$1 is missing: install it with the Rust toolchain, then start again"
    say "installing $1"
    rustup component add "$1"
}

tool_buf() {
    [[ "$("$tools/node_modules/.bin/buf" --version 2>/dev/null)" != "$BUF" ]] || return 0
    say "installing buf $BUF"
    mkdir -p "$tools"
    # The package carries the program; nothing of it has to run at installation.
    npm install --prefix "$tools" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
        "@bufbuild/buf@$BUF" >/dev/null
}

tool_grpcurl() {
    # A grpcurl built this way does not know its version: the name of an empty file beside it tells.
    local built="$tools/bin/.grpcurl-$GRPCURL"
    [[ ! -x "$tools/bin/grpcurl" || ! -e "$built" ]] || return 0
    say "building grpcurl $GRPCURL"
    mkdir -p "$tools/bin"
    GOBIN="$tools/bin" GOTOOLCHAIN=local go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL" ||
        stop "grpcurl $GRPCURL does not build with $(go version): install a newer Go, then start again"
    touch "$built"
}

# Out of Prometheus' package, which is not installed: it would start a server.
tool_promtool() {
    [[ ! -x "$tools/bin/promtool" ]] && ! have promtool || return 0
    have apt-get || stop "promtool is missing: install Prometheus with this system's package manager, then start again"
    say "unpacking promtool"
    local folder
    folder=$(mktemp -d)
    # Whoever apt-get works as may write there.
    chmod 777 "$folder"
    (
        cd "$folder"
        apt-get -qq download prometheus 2>/dev/null || { as_root apt-get -qq update && apt-get -qq download prometheus; }
        dpkg-deb --extract prometheus_*.deb .
    )
    mkdir -p "$tools/bin"
    mv "$folder/usr/bin/promtool" "$tools/bin/promtool"
    rm -rf "$folder"
}

tool_cargo_deny() {
    [[ "$("$tools/bin/cargo-deny" --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ]] || return 0
    say "building cargo-deny $CARGO_DENY (1 to 2 minutes)"
    # Unoptimized it builds three times as fast, and still checks in seconds.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 \
        cargo install cargo-deny --quiet --locked --version "$CARGO_DENY" --root "$tools"
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

have() { command -v "$1" >/dev/null 2>&1; }

say() { printf 'setup: %s\n' "$*"; }

stop() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

main "$@"
