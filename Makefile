# `make` lists what there is to do.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help up web test race faults acceptance program bench check format tools proto-deps deploy-test compose compose-test kubernetes-test

export PATH := $(CURDIR)/target/tools/bin:$(CURDIR)/target/tools/node_modules/.bin:$(PATH)
# In CI the lock file is as committed.
LOCKED := $(if $(CI),--locked)
CLIENTS := $(wildcard clients/*/test.sh)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

up: ## build the program and run a whole lab on this machine, on a database of its own (ARGS="--help" for options)
	@scripts/setup.sh run
	@web/scripts/build.sh
	@echo "building the program (some minutes the first time)"
	@cargo build --release --bin spectra $(LOCKED)
	@exec target/release/spectra up $(ARGS)

web: ## build the web app into web/dist; a development build of the program reads it from there
	@scripts/setup.sh run
	@web/scripts/build.sh

test: ## all tests: the workspace's, the web app's in real browsers, the clients', acceptance, the guide, faults, deployment
	@scripts/setup.sh test
	@# Builds target/debug/spectra as well, which the clients and the acceptance test start.
	cargo test --workspace $(LOCKED)
	web/test.sh
	@# They wait more than they work.
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(CLIENTS)
	tests/acceptance_test.sh
	tests/acceptance_test.sh five tls
	tests/database_tls_test.sh
	tests/openapi_test.sh
	tests/guide_test.sh
	tests/faults_test.sh
	deploy/test.sh

.PHONY: $(CLIENTS)
$(CLIENTS):
	$@

race: ## the long race: 30,000 starts of runs against revocations (STARTS=n for another number)
	@scripts/setup.sh run
	SPECTRA_RACE_STARTS=$(or $(STARTS),30000) cargo test --release --workspace $(LOCKED) --test lab -- --nocapture no_start_comes

faults: ## the long campaign of kills, restarts, a fail-over, overload, a slow database, long use (ARGS="--help" for options)
	@scripts/setup.sh test
	cargo build --release --workspace --bin spectra $(LOCKED)
	SPECTRA=target/release/spectra tests/faults_test.sh $(or $(ARGS),--campaign)

tools: ## install what the tests and checks use: grpcurl and buf (into target/tools), a JDK, Chromium ..
	@scripts/setup.sh test
	@scripts/setup.sh check

acceptance: web ## walk the product's promises from outside: one process, five, five with TLS (or SPECTRA_ADDRESS=host:port)
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory program
	tests/acceptance_test.sh
	@[[ -n "$${SPECTRA_ADDRESS:-}" ]] || tests/acceptance_test.sh five
	@[[ -n "$${SPECTRA_ADDRESS:-}" ]] || tests/acceptance_test.sh five tls

deploy-test: web ## check the image, compose, Kubernetes and alerts, without a cluster or an engine (part of make test)
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory program
	deploy/test.sh

compose: ## build the image and run a demo lab in containers (docker with compose)
	docker compose build
	deploy/secrets.sh
	docker compose up --detach --wait
	@docker compose ps

compose-test: ## bring compose up in containers, walk the acceptance test against it, take it away
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory program
	deploy/compose_test.sh

kubernetes-test: ## bring the demo lab up in the cluster of kubectl, walk the acceptance test against it, take it away
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory program
	deploy/kubernetes_test.sh

# All packages are named, so that features, and with them what is built already, are those of the tests.
program:
	cargo build --workspace --bin spectra $(LOCKED)

bench: ## measure the product beside the bare database; writes bench/results.json
	@scripts/setup.sh run
	cargo build --release --workspace --bins $(LOCKED)
	@target/release/spectra-bench $(ARGS)

check: proto-deps ## format, lints, documentation, the contract, dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps $(LOCKED)
	buf lint
	buf format --diff --exit-code proto
	@scripts/proto_breaking.sh
	@tests/breaking_test.sh
	cargo deny --workspace $(LOCKED) check licenses bans sources

format: proto-deps ## format all that make check wants formatted
	cargo fmt --all
	buf format --write proto

# buf reads the imported buf/validate from a folder; the crate that carries it says which version.
proto-deps:
	@scripts/setup.sh check
	@scripts/proto_deps.sh
