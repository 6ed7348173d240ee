# `make run` starts the app, `make test` checks everything. Both install what is missing, once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test soak lint types lock screenshots clean

run: $(VENV)/run.done
	$(BIN)/python app.py

test: $(VENV)/dev.done system
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not soak" --numprocesses 2 --dist loadfile --no-loadscope-reorder --cov

soak: $(VENV)/dev.done system
	$(BIN)/python -m pytest -m soak

lint: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/dev.done
	$(BIN)/mypy

# The full lock with hashes, for `make` and Docker. A Hugging Face Space uses requirements.txt, to which it adds its own.
lock: $(VENV)/dev.done
	$(BIN)/pip install -q pip-tools==7.6.2
	$(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file requirements.lock requirements.txt

screenshots: $(VENV)/dev.done system
	$(BIN)/python -m tests.browser.screenshots

$(VENV)/run.done: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/dev.done: $(VENV)/run.done requirements-dev.txt
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.txt
	touch $@

.PHONY: system
system:
	sh tests/install_system.sh

clean:
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
