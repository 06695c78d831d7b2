# The front door. `make help` lists what it does.
STUDY ?= demo
SET ?=
NAME ?=
DATA ?=
STUDENT ?=
OUT ?= scores.csv
OPTIONS ?=
COPY ?= notebooks
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 1)
PYTHON ?= python3
PIP_ARGS ?=
PROFILE ?=

VENV := .venv
READY := $(VENV)/.ready
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export TOKENIZERS_PARALLELISM := false
.DEFAULT_GOAL := help
.PHONY: help check reports rehearsal study score lab workshop checkpoints test test-slow lint readme clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-11s %s\n", $$1, $$2}'
	@echo "  STUDY=$(STUDY) names a file in params/; SET='key=value key=value' lays values over it"

check: $(READY) ## can this machine run a study? OK or FAIL a line: make check STUDY=demo
	@$(VENV)/bin/python -m cyborg_utils.workflow.preflight $(STUDY) $(foreach s,$(SET),--set '$(s)')

reports: $(READY) ## run a study and render its reports: make reports STUDY=demo; PROFILE=slurm on a cluster
	@$(VENV)/bin/python -m cyborg_utils.workflow.runner $(STUDY) --cores $(CORES) $(if $(PROFILE),--profile '$(PROFILE)') $(foreach s,$(SET),--set '$(s)')

rehearsal: $(READY) ## a study with random weights in the real models' shapes: ... SIZE=tiny
	@$(VENV)/bin/python -m cyborg_utils.workflow.rehearsal $(STUDY) --cores $(CORES) $(if $(filter tiny,$(SIZE)),--tiny) $(foreach s,$(SET),--set '$(s)')

study: $(READY) ## a study of your own CSV: make study NAME=mine DATA=essays.csv OPTIONS='--score mark'
	@test -n "$(NAME)" -a -n "$(DATA)" || { echo "make study needs a name and a file: make study NAME=mine DATA=essays.csv"; exit 2; }
	@$(VENV)/bin/python -m cyborg_utils.workflow.new_study '$(NAME)' '$(DATA)' $(OPTIONS)

score: $(READY) ## score new essays: make score STUDENT=runs/.../model DATA=new.csv OUT=scores.csv
	@test -n "$(STUDENT)" -a -n "$(DATA)" || { echo "make score needs a Student's folder and a file: make score STUDENT=runs/mine/students/.../model DATA=new.csv"; exit 2; }
	@$(VENV)/bin/python -m cyborg_utils.workflow.score_essays '$(STUDENT)' '$(DATA)' '$(OUT)' $(OPTIONS)

lab: $(READY) ## open JupyterLab on the path through the notebooks: make lab COPY=workshop/participants
	@test -f '$(COPY)/Start.ipynb' || { echo "no $(COPY)/Start.ipynb: make workshop writes workshop/participants and workshop/instructor"; exit 2; }
	@$(VENV)/bin/jupyter lab --LabApp.default_url='/lab/tree/$(COPY)/Start.ipynb'

workshop: $(READY) ## write the participants' and the instructor's copies of the notebooks
	@$(VENV)/bin/python -m cyborg_utils.teaching.workshop

precomputed: $(READY) ## ship the results of the demo and the tour, after make reports of both
	@$(VENV)/bin/python -m cyborg_utils.teaching.precomputed

test: $(READY) ## the tests that need no GPU and little time
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile

test-slow: $(READY) ## the slow tests too
	@$(VENV)/bin/python -m pytest -m "not gpu"

lint: $(READY) ## style of code and notebooks, layers of the package
	@$(VENV)/bin/ruff check cyborg_utils tests notebooks benchmarks && $(VENV)/bin/ruff format --check cyborg_utils tests notebooks benchmarks
	@$(VENV)/bin/lint-imports --no-logo --no-cache
	@$(VENV)/bin/nbstripout --verify notebooks/*.ipynb

readme: $(READY) ## write the findings of all studies into README.md and docs/results.md
	@$(VENV)/bin/python -m cyborg_utils.reporting.readme

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
	@PYTHONWARNINGS=ignore $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $(READY)
