#!/usr/bin/env bash
# Checks what the laboratory is deployed by, without a cluster and without a container engine, with other people's tools:
#
#   Dockerfile             hadolint, checkov
#   docker-compose.yml     the reference implementation of the Compose specification; then it is run, as processes
#   k8s/                   built by kustomize; each resource against the schema of its kind, or its operator's definition;
#                          kube-score, checkov
#   alert rules            promtool, which also plays courses of events to them
#   all of them together   deploy/check.py: that what one of them names, the others and the program know
#
#   deploy/test.sh [static]    `static` leaves out what runs the program
#
# The tools go to target/tools and target/deploy-venv, what is built to target/deploy.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

# The versions of the tools; those of Python are in requirements.txt.
readonly KUSTOMIZE=v5.8.2 KUBE_SCORE=v1.20.0 COMPOSE_GO=v2.16.2 TYPESCRIPT=6.0.3
readonly KINDS=(@kubernetes-models/cert-manager@6.0.0 @kubernetes-models/gateway-api@2.0.0
    @kubernetes-models/prometheus-operator@6.0.0)
readonly tools=$PWD/target/tools venv=target/deploy-venv out=target/deploy schemas=$PWD/target/tools/schemas
# Operators whose definitions of their kinds come with their Go modules.
readonly OPERATORS=(github.com/cloudnative-pg/cloudnative-pg@v1.26.1 github.com/cloudnative-pg/plugin-barman-cloud@v0.15.0)
# All that kube-score would say by default, and these.
readonly MORE=(container-seccomp-profile container-ports-check)
# Tags of images are not moved, so a node may keep what it has; how they are named is for each laboratory's registry.
readonly KUBE_SCORE_IGNORED=(container-image-pull-policy) CHECKOV_IGNORED=CKV_K8S_15,CKV_K8S_43

main() {
    install
    rm -rf "$out"
    mkdir -p "$out"
    check_image
    check_compose
    build_kubernetes
    check_kubernetes
    check_alerts
    "$venv/bin/python" deploy/check.py "$out" "$program"
    [[ "${1:-}" == static ]] || "$venv/bin/python" deploy/processes_test.py "$out" "$program"
    echo "deploy: all is well"
}

install() {
    if ! cmp -s deploy/requirements.txt "$venv/requirements.txt"; then
        echo "deploy: installing the packages of deploy/requirements.txt (a minute)"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --requirement deploy/requirements.txt
        cp deploy/requirements.txt "$venv/requirements.txt"
    fi
    go_tool kustomize "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE"
    go_tool kube-score "github.com/zegl/kube-score/cmd/kube-score@$KUBE_SCORE"
    go_tool compose-go "github.com/compose-spec/compose-go/v2/cmd@$COMPOSE_GO"
    local wanted="${KINDS[*]} $TYPESCRIPT"
    if [[ "$(cat "$schemas/wanted" 2>/dev/null)" != "$wanted" ]]; then
        echo "deploy: installing the schemas of custom resources"
        npm install --prefix "$schemas" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
            --loglevel=error "${KINDS[@]}" "typescript@$TYPESCRIPT" >/dev/null
        echo "$wanted" >"$schemas/wanted"
    fi
    PATH=$tools/bin:$PATH
    command -v promtool >/dev/null || stop "promtool is missing: scripts/setup.sh test"
}

# go_tool NAME PACKAGE@VERSION: what it is built from, the name of an empty file beside it tells.
go_tool() {
    local built=$tools/bin/.$1-${2##*@} folder
    [[ ! -x "$tools/bin/$1" || ! -e "$built" ]] || return 0
    echo "deploy: building $1 ${2##*@}"
    folder=$(mktemp -d)
    mkdir -p "$tools/bin"
    GOBIN=$folder GOTOOLCHAIN=local go install "$2" || stop "$2 does not build with $(go version): install a newer Go"
    mv "$folder"/* "$tools/bin/$1"
    rmdir "$folder"
    touch "$built"
}

check_image() {
    echo "deploy: the image"
    "$venv/bin/hadolint" Dockerfile
    checkov --framework dockerfile --file Dockerfile
}

check_compose() {
    echo "deploy: compose"
    compose-go -format json docker-compose.yml >"$out/compose.json"
}

# What an operator would apply, and the components that neither overlay takes.
build_kubernetes() {
    cp -r k8s "$out/k8s"
    DATABASE_HOST=spectra-postgres SPECTRA=$program deploy/secrets.sh "$out/k8s/overlays/dev/secrets" >/dev/null
    mkdir "$out/k8s/overlays/tls"
    cat >"$out/k8s/overlays/tls/kustomization.yaml" <<'YAML'
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: spectra-lab
resources: [../../base]
components: [../../components/cert-manager]
images: [{ name: spectra-lab, newTag: 0.1.0 }]
YAML
    # What deploy.md has people write to restore the database; checked by the definitions, and by check.py.
    mkdir "$out/k8s/overlays/restored"
    "$venv/bin/python" -c '
import re, sys
text, folder = open(sys.argv[1]).read(), sys.argv[2]
beside, cluster, services = re.findall("^```yaml\n(.*?)^```$", text, re.M | re.S)
open(folder + "/kustomization.yaml", "w").write(beside + services)
open(folder + "/cluster.yaml", "w").write(cluster)' docs/operations/deploy.md "$out/k8s/overlays/restored"
    local overlay
    for overlay in dev prod tls restored; do
        kustomize build "$out/k8s/overlays/$overlay" >"$out/$overlay.yaml"
    done
}

check_kubernetes() {
    echo "deploy: kubernetes"
    local overlay ignored=() more=() test
    for test in "${KUBE_SCORE_IGNORED[@]}"; do ignored+=(--ignore-test "$test"); done
    for test in "${MORE[@]}"; do more+=(--enable-optional-test "$test"); done
    for overlay in dev prod tls; do
        # Of kinds that are not Kubernetes' own it only says that it does not know them; they are looked at below.
        "$venv/bin/kubernetes-validate" --quiet --strict "$out/$overlay.yaml" >"$out/validate.log" 2>&1 ||
            stop "$overlay: $(grep -v ^WARN "$out/validate.log")"
        kube-score score --output-format ci "${ignored[@]}" "${more[@]}" "$out/$overlay.yaml" >"$out/score.log" ||
            stop "$overlay: $(grep CRITICAL "$out/score.log")"
    done
    # As TypeScript: a member that its kind does not have, one that is missing, or one of another type does not compile.
    "$venv/bin/python" deploy/custom_resources.py "$out"/{dev,prod,tls}.yaml >"$schemas/resources.ts"
    (cd "$schemas" && node_modules/.bin/tsc --noEmit --strict --skipLibCheck --target esnext --module nodenext resources.ts)
    local operator folder definitions=()
    for operator in "${OPERATORS[@]}"; do
        folder=$(go mod download -json "$operator" | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["Dir"])') ||
            stop "$operator cannot be had"
        definitions+=("$folder"/config/crd/bases/*.yaml)
    done
    "$venv/bin/python" deploy/definitions.py "${definitions[@]}" -- "$out"/{dev,prod,tls,restored}.yaml
    mkdir "$out/rendered"
    mv "$out"/{dev,prod,tls}.yaml "$out/rendered"
    checkov --framework kubernetes --directory "$out/rendered" --skip-check "$CHECKOV_IGNORED"
}

check_alerts() {
    echo "deploy: alerts"
    # The groups of the resource are a rule file.
    "$venv/bin/python" -c '
import sys, yaml
yaml.safe_dump(yaml.safe_load(open(sys.argv[1]))["spec"], open(sys.argv[2], "w"), width=10000)' \
        k8s/components/prometheus-operator/rules.yaml "$out/rules.yaml"
    cp deploy/rules_test.yaml "$out"
    promtool check rules "$out/rules.yaml" >"$out/promtool.log" || stop "$(<"$out/promtool.log")"
    (cd "$out" && promtool test rules rules_test.yaml) >"$out/promtool.log" 2>&1 || stop "$(<"$out/promtool.log")"
}

checkov() {
    # Nothing is fetched and nothing is sent.
    "$venv/bin/checkov" --compact --quiet --skip-download "$@" >"$out/checkov.log" 2>&1 || stop "$(<"$out/checkov.log")"
}

main "$@"
