PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/pip install --quiet --constraint constraints.txt --editable

EXAMPLES := quickstart zhang2017 zhang2017_epochs zhang2017_readings identity vanishing stacked \
	stacked_full_batch variants encoder keras_autoencoders denoising vanishing_full
AGAINST_zhang2017 := --against zhang2017_runs
AGAINST_zhang2017_readings := --against zhang2017_runs
AGAINST_encoder := --against encoder_epochs
AGAINST_keras_autoencoders := --against keras_mnist_losses
# 5 seeds of 20, and no probes of gradients, which are many.
PART_vanishing_full := grid.replicates=5 record.gradients=false

# Compiled files are most of what makes the second run of `make quick` a short one.
unexport PYTHONDONTWRITEBYTECODE
WORKERS ?= 2
PYTEST = $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run quick quick-tests test test-long reproduce retrain bench check docs site format clean

run: $(VENV)/installed  ## train the quickstart sweep on an embedded local Ray
	$(BIN)/sweep run configs/quickstart.yaml

quick: $(VENV)/installed-check $(VENV)/installed-test  ## checks, and tests without Ray or a server, a minute
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target quick-tests check

quick-tests: $(VENV)/installed-test
	$(PYTEST) -m "not (slow or ray or server or reproduce or long)"

# One more than cores, as tests on Ray mostly wait.
test: WORKERS := 3
test: $(VENV)/installed-test  ## the tests, a quarter of an hour on 2 cores
	$(PYTEST) -m "not (reproduce or long)"

reproduce: $(EXAMPLES:%=example-%)  ## what results/examples lacks of the experiments, their reports and pages
	$(BIN)/python -m docs.experiments.source
	$(BIN)/python -m pytest -m reproduce

retrain:  ## every experiment anew, within an hour on 2 cores
	rm -rf $(EXAMPLES:%=results/examples/%)
	$(MAKE) reproduce

example-%: $(VENV)/installed-test
	$(BIN)/sweep run configs/$*.yaml $(PART_$*) --output results/examples/$*
	rm -rf results/examples/$*/report
	$(BIN)/sweep report results/examples/$* $(AGAINST_$*)

test-long: $(VENV)/installed-test  ## soaks, fuzzing and long sweeps
	HYPOTHESIS_PROFILE=random $(BIN)/python -m pytest -m long -rA --timeout 3600

bench: $(VENV)/installed-bench  ## sweep beside what else could train the same, 25 minutes
	$(BIN)/python -m bench

check: $(VENV)/installed-check $(VENV)/installed-test site  ## lint, types, import layers, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

site: $(VENV)/installed-check  ## the documentation as a site, in build/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

docs: $(VENV)/installed-check  ## the same, served at http://127.0.0.1:8000 and built anew at each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs serve --strict

format: $(VENV)/installed-check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(INSTALL) '.[test]'
	touch $@

$(VENV)/installed-check: $(VENV)/installed
	$(INSTALL) '.[check]'
	touch $@

$(VENV)/installed-bench: $(VENV)/installed
	$(INSTALL) '.[bench]'
	touch $@
