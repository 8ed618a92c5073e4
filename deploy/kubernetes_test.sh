#!/usr/bin/env bash
# Brings k8s/overlays/dev up in a cluster, as k8s/README.md has it, walks the acceptance test against it, restarts all
# services under it, and takes it all away again. Wants kubectl, and a cluster of one's own (kind, minikube) whose nodes
# have the image spectra-lab:local. A cluster with a namespace spectra-lab is left as it is.
#
#   KUBECONFIG  which cluster, as kubectl takes it
#   SPECTRA     the program on this machine, for what is asked of it; target/debug/spectra unless set
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

readonly services=(auth calibration runs samples edge)
lab() { kubectl --namespace spectra-lab "$@"; }

main() {
    if kubectl get namespace spectra-lab >/dev/null 2>&1; then
        stop "kubernetes: there is a namespace spectra-lab already: kubectl delete namespace spectra-lab"
    fi
    work=$(mktemp -d "${TMPDIR:-/tmp}/kubernetes-XXXXXX")
    forwards=()
    trap leave EXIT
    trap 'exit 130' INT TERM HUP

    # A copy, for the secrets of a test have no place beside those of a laboratory.
    cp -r k8s "$work/k8s"
    rm -rf "$work"/k8s/overlays/*/secrets
    SPECTRA=$program DATABASE_HOST=spectra-postgres deploy/secrets.sh "$work/k8s/overlays/dev/secrets"
    kubectl apply --kustomize "$work/k8s/overlays/dev" >/dev/null
    ready
    accept

    lab rollout restart deployment >/dev/null
    ready
    forward service/spectra-edge 3012
    "$program" healthcheck "http://127.0.0.1:$forwarded" --service spectra.runs.v1.RunsService
    echo "kubernetes: up, accepted, restarted, and gone again"
}

ready() {
    local service
    for service in "${services[@]}"; do
        lab rollout status "deployment/spectra-$service" --timeout=5m
    done
    lab wait --for=condition=Complete job/spectra-migrate job/spectra-seed --timeout=5m
}

accept() {
    local service admins=() address
    for service in "${services[@]}"; do
        forward "deployment/spectra-$service" 4012
        admins+=("127.0.0.1:$forwarded")
    done
    forward service/spectra-edge 3012
    address=127.0.0.1:$forwarded
    forward statefulset/spectra-postgres 5432
    # The acceptance test tries the migrations on databases of its own: as the superuser, who may make them.
    SPECTRA=$program SPECTRA_ADDRESS=$address SPECTRA_ADMIN="${admins[*]}" JWT_ALGORITHM=EdDSA \
        DATABASE_URL="postgres://postgres:$(<"$work/k8s/overlays/dev/secrets/postgres_password")@127.0.0.1:$forwarded/spectra" \
        tests/acceptance_test.sh
}

# forward WHAT PORT: sets `forwarded`, the port of this machine that leads there.
forward() {
    local log
    log=$(mktemp "$work/forward-XXXXXX")
    lab port-forward --address 127.0.0.1 "$1" ":$2" >"$log" 2>&1 &
    forwards+=($!)
    for _ in {1..100}; do
        forwarded=$(sed -n 's/^Forwarding from 127\.0\.0\.1:\([0-9]*\) .*/\1/p' "$log")
        [[ -z "$forwarded" ]] || return 0
        sleep 0.1
    done
    stop "kubernetes: nothing leads to $1: $(<"$log")"
}

leave() {
    local status=$?
    kill "${forwards[@]}" 2>/dev/null || true
    if ((status != 0)); then
        lab get pods >&2 || true
        lab get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 20 >&2 || true
    fi
    kubectl delete namespace spectra-lab --timeout=3m >/dev/null 2>&1 || true
    rm -rf "$work"
}

main
