"""A tiny study with every stage, which runs in a minute or two."""

from __future__ import annotations

import os

from small_models import ELECTRA, LLAMA

NAME = f"test_tiny_{os.getpid()}"
TINY = f"""\
title: A tiny study
about: It learns nothing; it only has every part.
corpus: {{kind: simulated, n_train: 60, n_dev: 20, n_test: 60, n_prompts: 2, seed: 3}}
sampling: {{fractions: [0.5], seeds: [1]}}
teachers:
{LLAMA}  - {{name: ridge, kind: classical}}
students:
{ELECTRA}  - {{name: ridge, kind: classical}}
evaluation: {{replicates: 200, min_group: 5}}
"""
