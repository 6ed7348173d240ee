# `make run` starts the app, `make test` checks everything. Both install what is missing, once.
#
# The locks are complete, with hashes, and installed without pip's resolver: they hold a newer Pillow than MoviePy allows
# (see [tool.uv] in pyproject.toml). A Hugging Face Space resolves requirements.txt together with packages of its own.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

INSTALL := $(BIN)/pip install -q --disable-pip-version-check
LOCKED := $(INSTALL) --no-deps --require-hashes

.PHONY: run test test-space soak lint types lock space dev screenshots clean

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

# Tests of files and of the sandbox with the packages that a Space has: requirements.txt by pip's resolver, an older Pillow.
test-space: $(VENV)/dev.done
	$(BIN)/python -m tests.spaces.builder $(VENV)-space --with-tests
	$(VENV)-space/bin/python -m pytest -m "not soak" tests/media tests/sandbox tests/spaces

# `make lock` after every change of a pin; `make lock UPGRADE=--upgrade` for newer versions of what pins don't name.
lock:
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(INSTALL) $(shell grep '^uv==' requirements-dev.txt)
	$(COMPILE) requirements-dev.txt --output-file requirements-dev.lock
	$(COMPILE) requirements.txt --constraint requirements-dev.lock --output-file requirements.lock

# The larger set first: the smaller one then is a part of it, so that what was tested is what runs.
COMPILE = $(BIN)/uv pip compile -q --group build --universal --python-version 3.11 --generate-hashes $(UPGRADE) --custom-compile-command "make lock"

# make space SPACE=name/space [SDK=docker] [DRY_RUN=1]: upload the last commit to a Hugging Face Space (docs/spaces.md).
space: $(VENV)/run.done
	$(BIN)/python -m deploy.space $(SPACE) --sdk $(or $(SDK),gradio) $(if $(DRY_RUN),--dry-run)

screenshots: $(VENV)/dev.done system
	$(BIN)/python -m tests.browser.screenshots

$(VENV)/run.done: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed")'
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.done: $(VENV)/run.done requirements-dev.lock
	$(LOCKED) -r requirements-dev.lock
	touch $@

dev: $(VENV)/dev.done

.PHONY: system
system:
	sh tests/install_system.sh

clean:
	rm -rf $(VENV) $(VENV)-space *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
