# Everything works from a bare clone with python3 (3.11 or newer) and make: the environment is made on demand.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test test-long test-crash test-cures test-answers test-clients check bench bench-salesforce bench-hubspot bench-rules lock clean

demo: $(READY)            ## a stand-in Salesforce, two real syncs over HTTP, and what a rep would now see
	$(BIN)/refsync demo $(DEMO)

test: $(READY)            ## the tests; some of them wait, so three share two cores
	$(BIN)/python -m pytest -n 3 --dist worksteal $(TESTS)

test-long: $(READY)       ## what takes minutes: the service on a real schedule, many lives, kills and bad weeks
	$(BIN)/python -m pytest -m long -n auto $(TESTS)

test-crash: $(READY)      ## processes killed at a thousand random moments while they write, for each CRM: most of an hour
	$(BIN)/python -m pytest -m long -n auto tests/faults/test_crash.py

test-cures: $(READY)      ## each numbered test once without its cure: it has to fail then
	$(BIN)/python -m pytest -p tests.cures.plugin -m bug $(TESTS)

test-answers: $(READY)    ## every single answer of the HubSpot stand-in, judged by HubSpot's own library
	REFSYNC_ANSWERS=all $(BIN)/python -m pytest tests/hubspot tests/sandbox tests/contract

CLIENTS := .clients
SETS    := $(patsubst tests/clients/requirements/%.txt,%,$(wildcard tests/clients/requirements/*.txt)) node

test-clients: $(READY) $(SETS:%=$(CLIENTS)/%/.ready)  ## clients of other people, installed here, against the stand-ins (needs node)
	$(BIN)/python -m tests.clients $(CLIENTS) $(TRIALS)

$(CLIENTS)/%/.ready: tests/clients/requirements/%.txt
	$(PYTHON) -m venv $(CLIENTS)/$*
	$(CLIENTS)/$*/bin/python -m pip --disable-pip-version-check --quiet install --requirement $<
	touch $@

$(CLIENTS)/node/.ready: tests/clients/package.json
	mkdir -p $(CLIENTS)/node
	cp $< $(CLIENTS)/node
	npm install --prefix $(CLIENTS)/node --silent --no-audit --no-fund --no-package-lock
	touch $@

check: $(READY)           ## lint, format, types, import floors, and the shipped rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/refsync rules check --rules rules

bench: $(READY) $(VENV)/.bench   ## ratios against a baseline in the same run
	$(BIN)/python -m bench $(BENCH)

bench-salesforce bench-hubspot: bench-%: $(READY) $(VENV)/.bench   ## a first load of 1,000,000 activities
	$(BIN)/python -m bench --only $* --activities 1000000 $(BENCH)

bench-rules: $(READY) $(VENV)/.bench   ## each shipped rule and a whole tick beside DuckDB by hand, 200,000 accounts
	$(BIN)/python -m bench --only rules --accounts 200000 --rounds 5 $(BENCH)

$(READY): pyproject.toml requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "refsync needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes --requirement requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.bench: requirements/bench.txt $(READY)
	$(PIP) install --require-hashes --requirement requirements/bench.txt
	touch $@

UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

lock:                     ## pin the requirements anew, with hashes and without addresses (needs uv)
	$(UV_COMPILE) pyproject.toml --output-file requirements/run.txt
	$(UV_COMPILE) pyproject.toml --group dev --constraint requirements/run.txt --output-file requirements/dev.txt
	$(UV_COMPILE) --group bench --output-file requirements/bench.txt

clean:
	rm -rf $(VENV) $(CLIENTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
