#!/usr/bin/env bash
# Builds the package, installs it in a project of its own, and lets that use a lab, as the README says and through
# hardships. The project is target/typescript-app.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
. clients/lib.sh

readonly source=$PWD/clients/typescript app=$PWD/target/typescript-app

build() {
    cd "$source"
    if ! cmp -s package-lock.json node_modules/.installed-lock; then
        echo "typescript: installing packages"
        npm ci --silent --ignore-scripts
        cp package-lock.json node_modules/.installed-lock
    fi
    npm run --silent generate
    rm -rf dist
    npm run --silent build
}

# What a user has: the package as it is published, with nothing of ours around.
install() {
    mkdir -p "$app"
    cd "$app"
    rm -f ./*.ts ./*.js ./*.mjs ./*.tgz
    npm pack --silent --pack-destination . "$source" >/dev/null
    mv spectra-lab-client-*.tgz client.tgz
    if ! cmp -s "$source/package-lock.json" .installed-lock; then
        cp "$source/.npmrc" .
        echo '{"private": true, "type": "module"}' >package.json
        npm install --silent --ignore-scripts --prefer-offline ./client.tgz
        cp "$source/package-lock.json" .installed-lock
    fi
    rm -rf node_modules/@spectra-lab/client
    mkdir -p node_modules/@spectra-lab/client
    tar -xzf client.tgz -C node_modules/@spectra-lab/client --strip-components 1
    cp "$source"/test/*.ts "$source/test/tsconfig.json" .
    readme_program "$source/README.md" ts | tee first.ts >first.mjs
    "$source/node_modules/.bin/tsc" --typeRoots "$source/node_modules/@types"
    # A bundler for browsers finds nothing in it that only Node has.
    echo 'export * from "@spectra-lab/client";' |
        "$source/node_modules/.bin/esbuild" --bundle --platform=browser --format=esm --log-level=warning >browser.js
}

(build)
start_hard_lab
(install)
cd "$app"
echo "typescript: the program in the README"
printed=$(node first.mjs)
expect_story "$printed"
echo "typescript: the tests"
with_restarts node --test --test-reporter=dot retry.test.js lab.test.js
