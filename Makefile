# Two commands on a fresh machine: `make demo` and `make test`. Everything lives in .venv and .cira.
PYTHON ?= python3
BIN := .venv/bin
# What a shell exported for another project must not decide what happens here. Without the second, which images of Python
# like to set, each of the many processes of a test or a demo would compile what it imports anew, for seconds.
unexport VIRTUAL_ENV
unexport PYTHONDONTWRITEBYTECODE

.PHONY: install demo up test coverage lint format client docs wheel bench lock deploy-template sbom audit clean

install: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	$(BIN)/cira demo $(ARGS)

up: install
	$(BIN)/cira up $(ARGS)

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# Two workers, whatever the machine: the tests that keep all of it busy follow each other on one of them (tests/spreading.py).
# `ARGS="-n 0"` runs all in one process.
test: lint
	$(BIN)/pytest -n 2 $(ARGS)

# All tests with branches of the product's code that no test takes; slower than `make test`.
coverage: lint
	$(BIN)/pytest -n 2 --cov $(ARGS)

# The documentation as a site, in .cira/site. Strict: a broken link or a page without its place ends the build.
# The variable silences an advertisement.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The product and the client alone.
wheel: install
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python
	$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist packages/client

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The synchronous client, from the asynchronous one.
client: install
	$(BIN)/python packages/client/generate_sync.py

LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header

# Each prints a table; docs/benchmarks.md says what they measure. Run them on an otherwise idle machine.
bench: install
	$(BIN)/python -m benchmarks.orchestration 2>/dev/null
	$(BIN)/python -m benchmarks.throughput --threads 1,2 2>/dev/null
	$(BIN)/python -m benchmarks.latency 2>/dev/null
	$(BIN)/python -m benchmarks.scaling 2>/dev/null
	$(BIN)/python -m benchmarks.sensor 2>/dev/null
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.ten_thousand

lock: install
	$(LOCK) --upgrade --extra dev pyproject.toml --output-file requirements.lock
	$(LOCK) --upgrade --extra image --constraint requirements.lock pyproject.toml --output-file deploy/requirements.lock
	$(LOCK) --upgrade deploy/checks.in --output-file deploy/checks.lock

# What checks deploy/, in an environment of its own.
CHECKS := .cira/deploy/bin/python

.cira/deploy/installed: deploy/checks.lock .venv/installed
	$(BIN)/uv venv --quiet --clear .cira/deploy
	$(BIN)/uv pip sync --quiet --python $(CHECKS) deploy/checks.lock
	@touch $@

# The AWS stack as CloudFormation, from its description in Python (needs Node.js).
deploy-template: .cira/deploy/installed
	cd deploy/aws && ../../$(CHECKS) app.py ../../.cira/deploy/template
	cp .cira/deploy/template/Cira.template.json deploy/aws/cira.template.json

# The bill of materials of the image (CycloneDX): its packages with licences, hashes and who needs whom.
sbom: .cira/deploy/installed
	$(BIN)/uv venv --quiet --clear .cira/image
	$(BIN)/uv pip sync --quiet --python .cira/image/bin/python deploy/requirements.lock
	$(CHECKS) deploy/sbom.py .cira/image/bin/python deploy/requirements.lock dist/cira.cdx.json

# Known vulnerabilities of the image's packages. Ends with 3 where no feed can be reached: then nothing was checked.
audit: .cira/deploy/installed
	$(CHECKS) deploy/audit.py deploy/requirements.lock $(ARGS)

clean:
	rm -rf .venv .cira build dist
