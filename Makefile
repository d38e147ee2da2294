# Every task of a contributor is a target here, and .ci/run calls the same targets.

PYTHON ?= python3
VENV   ?= .venv
SITE_VENV ?= .venv-site
ADDRESS ?= 127.0.0.1:8080
MINUTES ?= 60

# A network that fails for a moment must not fail the whole run.
export CARGO_NET_RETRY = 10
export PIP_RETRIES = 10
export npm_config_fetch_retries = 10

# Variables of the scripts in .ci, which describe them.
export PYTHONS SERIES PROFILE SID_ROOT

# The interpreter that the Rust tests embed, and the directory of its library.
export PYO3_PYTHON = $(abspath $(VENV)/bin/python)
LIBPYTHON = $$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR") or "")')

.PHONY: help serve test test-rust test-python test-system test-containers model race miri soak test-all test-debian-sid lint format bench bench-instructions windows fuzz fuzz-foreign docs site wheel wheels wheels-debian-sid sdist clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 20

serve: ## build everything and serve the demo application on http://127.0.0.1:8080
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@echo 'building the wheel (the first time takes some minutes)'
	@.ci/wheel $(VENV) release
	@exec $(VENV)/bin/maitred --listen=$(ADDRESS) maitred.demo:app

test: test-rust test-python ## build everything and run every test, Rust and Python

test-rust:
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	LD_LIBRARY_PATH="$(LIBPYTHON):$$LD_LIBRARY_PATH" cargo test --quiet --locked --workspace
	@$(MAKE) --no-print-directory model

test-python:
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	.ci/wheel $(VENV) quick
	$(VENV)/bin/python -m pytest tests bench/tests

test-system: ## run the tests that need proxies, Prometheus, Helm and other programs
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@tests/system-setup
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements-system.txt
	.ci/wheel $(VENV) quick
	$(VENV)/bin/python -m pytest tests -m system

test-containers: ## build the image as root, and run it and the pods of the manifests by podman
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@tests/system-setup containers
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/containers/requirements.txt
	@tests/containers/build $(VENV)
	$(VENV)/bin/python -m pytest tests/containers -m containers

model: ## try every order of threads on what worker processes share without a lock, with loom
	cargo test --quiet --locked --manifest-path crates/server/model/Cargo.toml --target-dir target/model

race: ## run the tests of the server's parts under ThreadSanitizer (needs a nightly toolchain)
	@.ci/race

miri: ## run tests of what worker processes share under Miri (needs a nightly toolchain)
	@.ci/miri

soak: ## break a server for MINUTES in every way, and run the tests that take many minutes
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	.ci/wheel $(VENV) quick
	cd tests && $(abspath $(VENV))/bin/python -m soak --minutes $(MINUTES)
	$(VENV)/bin/python -m pytest tests -m soak

test-all: ## run the Python tests on every interpreter of PATH and pyenv, and those that PYTHONS names
	@.ci/test-all

test-debian-sid: ## run them on the newest interpreters, in a root filesystem of Debian sid (root only)
	@.ci/debian-sid .ci/test-all

lint: ## run rustfmt, clippy, rustdoc, ruff, and the checks of tests/tidy
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	@.ci/lint-apart
	RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --workspace --no-deps --document-private-items
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python -m pytest -q tests/tidy

format: ## format everything with rustfmt and ruff
	cargo fmt --all
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: ## measure Maitred and its peers under the same load
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@.ci/wheel $(VENV) release
	$(PYTHON) bench setup
	$(PYTHON) bench run --needed --maitred $(VENV)
	$(PYTHON) bench table
	$(PYTHON) bench targets

bench-instructions: ## count instructions per request, and compare them with the committed counts
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@.ci/wheel $(VENV) release
	$(PYTHON) bench instructions --check --maitred $(VENV)

windows: ## build for Windows on Debian, and test the server and the wheel under Wine
	@.ci/windows

fuzz: ## fuzz the parser, the settings and the messages between workers with libFuzzer
	@crates/http-parser/fuzz/run
	@crates/config/fuzz/run
	@crates/server/fuzz/run

fuzz-foreign: ## compare the parser with h11, httptools and llhttp on fuzzed input (needs Node.js)
	@PYTHON=$(PYTHON) crates/http-parser/fuzz/foreign/run

docs: ## regenerate the documents that are generated from the code
	@PYTHON=$(PYTHON) .ci/prepare $(VENV) tests/requirements.txt
	@.ci/wheel $(VENV) quick
	@.ci/docs $(VENV)

site: ## build the documentation as a site, into target/site (needs Python 3.11 or newer)
	@PYTHON=$(PYTHON) .ci/prepare $(SITE_VENV) docs/site/requirements.txt
	@$(SITE_VENV)/bin/python docs/site/build.py

wheel: ## build the wheel that users get, into target/wheels
	@PYTHON=$(PYTHON) .ci/prepare $(VENV)
	$(VENV)/bin/maturin build --locked --out target/wheels --interpreter $(VENV)/bin/python

wheels: ## build and audit the wheels for Linux (x86-64, ARM; glibc, musl), and try those that run here
	@.ci/wheels
	@.ci/try-wheels

wheels-debian-sid: ## the same for the newest interpreters, and try the wheels for ARM under QEMU (root only)
	@.ci/debian-sid .ci/wheels $(shell uname -m)-unknown-linux-gnu
	@.ci/debian-sid .ci/try-wheels
	@.ci/debian-sid --arm64 .ci/try-wheels

sdist: ## build the source distribution, into target/wheels
	@PYTHON=$(PYTHON) .ci/prepare $(VENV)
	$(VENV)/bin/maturin sdist --out target/wheels

clean: ## remove everything that was built
	@! grep -qsF ' $(abspath target)/' /proc/mounts || { echo 'error: something is mounted below target: unmount it first' >&2; exit 1; }
	rm -rf target $(VENV) $(SITE_VENV)
