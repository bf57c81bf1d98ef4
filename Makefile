# Two commands do everything: `make run` and `make test`. Both set up what they need, once.
SHELL = /bin/bash
PYTHON = python3
# Given on the command line, as in `make run HOST=0.0.0.0 PORT=8080`; not taken from the environment,
# where some shells keep the machine's name under HOST.
HOST = 127.0.0.1
PORT = 8000
STORE = var/demo.gpkg
export TIMEFORMAT = (%R s)
# Where an environment forbids it, every process would compile every library anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

COMPILE = .venv/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--fork-strategy fewest --no-header --no-emit-index-url $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help run test suite outlast setup setup-test lint audit faults fuzz bench screenshots lock clean

help: ## say what there is to make
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' Makefile | expand -t 20

run: setup ## set up, build the demonstration district if there is none, migrate it, serve it (HOST, PORT, STORE)
	@mkdir -p $(dir $(STORE))
	@test -e $(STORE) || .venv/bin/wangge demo --store gpkg:$(STORE)
	@.venv/bin/wangge migrate --store gpkg:$(STORE)
	@.venv/bin/wangge serve --store gpkg:$(STORE) --host $(HOST) --port $(PORT)

test: setup-test ## set up what the tests need and run every check and test: those of faults, which mostly wait, beside the others
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint suite outlast

# The plus lets its output be seen while it runs. One process more than cores, for some wait.
suite: setup-test
	+time .venv/bin/pytest --numprocesses $$(($$(nproc) + 1)) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
		--ignore tests/faults

outlast: setup-test
	time .venv/bin/pytest tests/faults

setup: ## only set up
	@$(PYTHON) bin/setup.py

setup-test: ## only set up, with what the tests need
	@time $(PYTHON) bin/setup.py --test

lint: setup-test ## style, format and types
	time .venv/bin/ruff check .
	time .venv/bin/ruff format --check .
	time .venv/bin/mypy

audit: setup-test ## look whether the libraries are as locked, their licences, and what is known against them (asks the network)
	@.venv/bin/python bin/audit.py

faults: setup-test ## survive every fault in full: 200 kills per store, outages of 20 s, a lock held for a minute
	@WANGGE_FAULTS=full .venv/bin/pytest tests/faults

fuzz: setup-test ## ask everything as everybody, and send more than 10,000 made-up requests; prints how many
	@time .venv/bin/python -m tests.security.fuzz

bench: setup-test ## measure Wangge beside its peers (half an hour on a machine at rest; QUICK=--quick: a third) and write docs/benchmarks.md
	@.venv/bin/python -m bench.setup
	.venv/bin/python -m bench $(QUICK)

screenshots: setup-test ## take the pictures of all three faces anew (a quarter of an hour)
	.venv/bin/python docs/screenshots.py

lock: setup ## bring the locks to what pyproject.toml and package.json declare (UPGRADE=--upgrade: newest)
	$(COMPILE) --group build --output-file requirements.lock pyproject.toml
	$(COMPILE) --group build --group test --constraints requirements.lock \
		--output-file requirements-test.lock pyproject.toml
	$(COMPILE) --group node --output-file requirements-node.lock
	$(COMPILE) --output-file bench/requirements.txt bench/requirements.in
	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund

clean: ## remove what set-up and the tools made; the data in var/ stays
	rm -rf .venv webmap/static/vendor node_modules build *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
