# Every target sets up what it needs; the first run takes a minute, later ones a second.
SHELL := bash
PYTHON_BIN := .venv/bin/python
PACKAGES := core people cases scheduler media recordings signaling web rehearsal main.py
ARGS ?=
BENCHES ?= $(filter-out open_relay,$(basename $(notdir $(wildcard bench/[a-z]*.py))))
FAST := tests/test_architecture.py tests/cases tests/core tests/media tests/signaling/test_session.py \
	tests/recordings/test_chain.py tests/recordings/test_verify.py

.PHONY: install run test check audit screens bench soak generate clean lock

install: ## the product, as .venv/bin/yuanjian
	@scripts/setup

run: install ## a working demo; LAN=1 serves HTTPS on the LAN address, so that a phone can join
	@.venv/bin/yuanjian serve --demo $(if $(LAN),--lan) $(ARGS)

test: ## everything: pure tests, fake peers, real browsers, both databases
	@scripts/setup dev
	@$(PYTHON_BIN) -m pytest $(ARGS)

check: ## format, lint, types, architecture and the fast tests, in under a minute
	@scripts/setup dev
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@for package in signaling people scheduler web; do $(PYTHON_BIN) -m $$package.generate --check || exit 1; done
	@$(PYTHON_BIN) scripts/audit.py
	@$(PYTHON_BIN) -m pytest -q -x -m "not slow and not browser and not postgres" $(FAST) $(ARGS)

audit: ## known weaknesses of dependencies, where an advisory service can be reached
	@scripts/setup dev
	@$(PYTHON_BIN) scripts/audit.py

screens: ## every page at three sizes in both languages, into var/screens/
	@scripts/setup dev
	@$(PYTHON_BIN) -m tests.screens $(ARGS)

bench: ## the benchmarks, about a quarter of an hour; each prints JSON lines; BENCHES="relay joins" for some
	@scripts/setup dev
	@failed=; for name in $(BENCHES); do timeout 900 $(PYTHON_BIN) -m bench.$$name || failed="$$failed $$name"; done; \
	[ -z "$$failed" ] || { echo "did not run through:$$failed" >&2; exit 1; }

soak: ## the long campaigns: crashes, tampering, fuzzing, endurance
	@scripts/setup dev
	@YUANJIAN_SOAK=1 $(PYTHON_BIN) -m pytest -m slow $(ARGS)

generate: ## protocol table, browser protocol, permissions, rules
	@scripts/setup dev
	@for package in signaling people scheduler web; do $(PYTHON_BIN) -m $$package.generate; done

lock: ## new lock files from pyproject.toml
	@scripts/setup dev
	@$(PYTHON_BIN) -m pip install --quiet uv
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra install --extra dev pyproject.toml -o requirements-dev.lock
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra install pyproject.toml -c requirements-dev.lock -o requirements.lock

clean: ## everything that was generated, but for the data in var/
	@rm -rf .venv .venv-s3 build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
