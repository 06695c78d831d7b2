# The front door. `make help` lists what it does.
STUDY ?= demo
SET ?=
OPTIONS ?=
COPY ?= notebooks
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 1)
PYTHON ?= python3
PIP_ARGS ?=
PROFILE ?=

VENV := .venv
READY := $(VENV)/.ready
CYBORG := $(VENV)/bin/cyborg
# What these hold reaches the commands through the environment as it was written: no quotation
# mark, space, # or $$ in it is make's or the shell's.
override STUDY := $(value STUDY)
override SET := $(value SET)
override COPY := $(value COPY)
override PROFILE := $(value PROFILE)
export STUDY SET COPY PROFILE
SETTINGS = --set-all "$$SET" $(OPTIONS)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export TOKENIZERS_PARALLELISM := false
.DEFAULT_GOAL := help
.PHONY: help check reports rehearsal lab workshop precomputed test test-long test-slow lint readme clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo "  STUDY=$$STUDY names a file in params/; SET='key=value key=value' overrides values of it"
	@echo "  $(CYBORG) has more commands, and its own help: $(CYBORG) --help"

check: $(READY) ## can this machine run a study? one line per need, OK or FAIL: make check STUDY=demo
	@$(CYBORG) check "$$STUDY" $(SETTINGS)

reports: $(READY) ## run a study and render its reports: make reports STUDY=demo; PROFILE=slurm on a cluster
	@$(CYBORG) run "$$STUDY" --cores $(CORES) $(if $(PROFILE),--profile "$$PROFILE") $(SETTINGS)

rehearsal: $(READY) ## run a study with random weights in its models' sizes: ... SIZE=tiny
	@$(CYBORG) rehearse "$$STUDY" --cores $(CORES) $(if $(filter tiny,$(SIZE)),--tiny) $(SETTINGS)

lab: $(READY) ## open JupyterLab on the path through the notebooks: make lab COPY=workshop/participants
	@test -f "$$COPY/Start.ipynb" || { echo "no $$COPY/Start.ipynb: make workshop writes workshop/participants and workshop/instructor"; exit 2; }
	@$(VENV)/bin/jupyter lab --LabApp.default_url="/lab/tree/$$COPY/Start.ipynb"

workshop: $(READY) ## write the participants' and the instructor's copies of the notebooks
	@$(CYBORG) workshop

precomputed: $(READY) ## ship the results of the demo and the tour, after make reports of both
	@$(CYBORG) precomputed

test: $(READY) ## the tests that need no GPU and little time: a few minutes
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

test-long: $(READY) ## the longer tests, whole studies among them
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile -m "long and not slow and not gpu"

test-slow: $(READY) ## all tests that need no GPU: hours
	@$(VENV)/bin/python -m pytest -m "not gpu"

lint: $(READY) ## style of code and notebooks, layers of the package
	@$(VENV)/bin/ruff check cyborg_utils tests notebooks benchmarks && $(VENV)/bin/ruff format --check cyborg_utils tests notebooks benchmarks
	@$(VENV)/bin/lint-imports --no-logo --no-cache
	@$(VENV)/bin/nbstripout --verify notebooks/*.ipynb

readme: $(READY) ## write the findings of all studies into README.md and docs/results.md
	@$(CYBORG) readme

clean: ## remove runs and reports; .venv stays
	rm -rf runs .snakemake .pytest_cache .ruff_cache .hypothesis
	find reports -mindepth 2 -not -name summary.json -not -name qwk.png -type f -delete

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) here: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1): install Python 3.11, 3.12 or 3.13, or name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "Setting up $(VENV) (once; a few minutes)"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt torch==2.13.0
	@PYTHONWARNINGS=ignore $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[models,dev]'
	@touch $(READY)
