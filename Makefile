PYTHON ?= python3
VENV := .venv
PEERS := .venv-bench
BIN := $(VENV)/bin
JOBS ?= 2
BENCH ?=

.PHONY: demo test slow lint docs bench clean

demo: $(VENV)/.examples
	$(BIN)/python examples/digits.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(JOBS) -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@long=$$(git ls-files '*.py' | xargs wc -l | awk '$$1 > 400 && $$2 != "total"'); \
	if [ -n "$$long" ]; then echo "longer than 400 lines:"; echo "$$long"; exit 1; fi

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W -b html docs docs/_build/html

bench: $(PEERS)/.bench
	$(PEERS)/bin/python -m benchmarks --json build/benchmarks.json $(BENCH)

$(VENV)/bin/python $(PEERS)/bin/python:
	$(PYTHON) -m venv $(@:/bin/python=)
	$@ -m pip install --quiet --upgrade pip

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@

$(PEERS)/.%: pyproject.toml | $(PEERS)/bin/python
	$(PEERS)/bin/python -m pip install --quiet --editable '.[$*]'
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) build docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
