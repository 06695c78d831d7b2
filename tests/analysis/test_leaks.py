"""No leakage: models, labels and scores do not depend on withheld human scores. With absurd ones
planted as test scores and as withheld scores of train, nothing changes before the evaluation.

The notebooks 02, 03 and 04 are run cell by cell, in this process, without their figures.
"""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cyborg_utils.analysis.calibration import calibrate_runs
from cyborg_utils.analysis.paired import decoded_scores
from cyborg_utils.analysis.predictions import collect_runs, collect_teacher, hard_only
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.sampling import draw_subset, without_prompt
from cyborg_utils.labeling.strategies import DECODING_RULES
from cyborg_utils.reporting import figures, tables
from cyborg_utils.statistics.calibration import METHODS
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition, conditions, subsets
from cyborg_utils.study.notebook_cells import read_notebook, without_lesson
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import (
    corpus_file,
    hash_folder,
    read_ledger,
    student_folder,
    teacher_folder,
    write_parquet,
)

STUDY = """\
title: A study with secrets
corpus:
  {kind: simulated, n_train: 120, n_dev: 40, n_test: 60, n_prompts: 2, traits: [vocabulary]}
sampling: {fractions: [0.3], held_out_prompts: [School start times]}
teachers:
  - {name: ridge, kind: classical}
  - {name: logistic, kind: classical, head: classification}
students:
  - {name: ridge, kind: classical}
  - {name: stacked, kind: stacked}
  - name: electra
    kind: encoder
    model:
      from_scratch: {architecture: electra, hidden_size: 16, layers: 1, heads: 2, vocab_size: 400}
    max_tokens: 32
    epochs: 1
    min_steps: 12
    group_penalty: 1
pseudo_label_strategies:
  - {name: hard}
  - {name: expected, target: expected}
  - {name: prior, target: prior_corrected}
  - {name: calibrated, target: equated}
  - {name: linked, target: linked}
  - {name: filtered, keep: 0.5}
arms: [human, cyborg]
evaluation: {replicates: 200, min_group: 5}
"""
SCORES = ["score", "score_2", "true_score", "vocabulary", "true_vocabulary", "proficiency"]
ELECTRA_RUNS = ["human-f0.3-d1", "cyborg-logistic-expected-f0.3-d1",
                     "cyborg-logistic-f0.3-d1-no0"]  # fmt: skip


def run(notebook: str, **parameters) -> None:
    """Run the code cells of a notebook's report, with parameters that override its own."""
    cells = without_lesson(read_notebook(notebook)).cells
    scope = {"__name__": "__main__"}
    for cell in cells:
        if cell.cell_type == "code":
            exec(compile(ast.parse(cell.source), notebook, "exec"), scope)
        if "parameters" in cell.metadata.get("tags", []):
            scope |= parameters


class Made:
    """All results of a study on a corpus before its evaluation."""

    def __init__(self, folder: Path, file: Path, corpus: pd.DataFrame, students: list[str]):
        self.folder, self.corpus = folder, corpus
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Study, "folder", property(lambda _: folder))
            patch.setattr(torch.cuda, "is_available", lambda: False)
            for drawing in ("show", "live_training_curve"):
                patch.setattr(figures, drawing, lambda *_, **__: None)
            patch.setattr(figures, "score_distribution", lambda *_, **__: (None, ""))
            patch.setattr(tables, "table", lambda *_, **__: None)
            self.study = load_study(str(file))
            write_parquet(corpus_file(self.study), corpus)
            given = partial(dict, study=str(file), settings=[])
            for fraction, draw, held_out in subsets(self.study):
                u = given(fraction=fraction, draw=draw, held_out=held_out)
                for teacher in ("ridge", "logistic"):
                    run("02_teacher_training", teacher=teacher, **u)
                    run("03_labeling", teacher=teacher, **u)
            for c in conditions(self.study):
                for student in students:
                    if student == "electra" and c.slug not in ELECTRA_RUNS:
                        continue
                    run("04_student_training", student=student, seed=1, **given(**vars(c)))
            self.files = {
                str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()
            }
            self.teachers = {
                (t, *u): hash_folder(teacher_folder(self.study, t, *u), skip="teacher.json")
                for t in ("ridge", "logistic")
                for u in subsets(self.study)
            }
            self.calibrated = self._calibrated()
            self.decoded = self._decoded()

    def scores(self, student: str, c: Condition) -> pd.DataFrame:
        """The columns of predictions that a Student computes."""
        name = student_folder(self.study, student, c, 1).relative_to(self.study.folder)
        return own(pd.read_parquet(self.files[f"{name}/predictions.parquet"]))

    def _calibrated(self) -> dict[str, pd.DataFrame]:
        dev, test = (hard_only(collect_runs(self.study, "ridge", s)) for s in ("dev", "test"))
        return {m: own(calibrate_runs(dev, test, m, self.study.labels)) for m in METHODS}

    def _decoded(self) -> pd.DataFrame:
        test, dev = (collect_teacher(self.study, "logistic", s) for s in ("test", "dev"))
        ledger_of = partial(read_ledger, self.study, "logistic")
        return own(decoded_scores(self.study, test, dev, ledger_of))


def own(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[c for c in frame if not c.startswith("human")]]


def other_scores(corpus: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """The corpus with other scores of every kind for the chosen essays."""
    rng, corpus = np.random.default_rng(1), corpus.copy()
    for name in SCORES:
        moved = (corpus[name].round() - 1 + rng.integers(1, 6, len(corpus))) % 6 + 1
        corpus[name] = corpus[name].mask(chosen, moved.astype(corpus[name].dtype))
    return corpus


@pytest.fixture(scope="module")
def variants(tmp_path_factory) -> dict[str, Made]:
    """The study as it is, and with other scores of essays that it must not use, or does use."""
    folder = tmp_path_factory.mktemp("leaks")
    file = folder / "secret.yaml"
    file.write_text(STUDY)
    study = load_study(str(file))
    corpus = load_corpus(study)
    in_u = corpus["essay_id"].isin(
        [i for f, d, out in subsets(study)
         for i in draw_subset(without_prompt(corpus, study, out), f, d)]
    )  # fmt: skip
    split = corpus["split"]
    secret = (split == "test") | ((split == "train") & ~in_u)
    assert secret.sum() > 100 and in_u.sum() > 30
    chosen = {"secret": secret, "dev": split == "dev", "u": in_u}
    made = {"plain": Made(folder / "plain", file, corpus, ["ridge", "stacked", "electra"])}
    for name, essays in chosen.items():
        changed = other_scores(corpus, essays)
        assert (changed["score"] != corpus["score"]).equals(essays)
        students = ["ridge", "stacked", "electra"] if name == "secret" else ["ridge"]
        made[name] = Made(folder / name, file, changed, students)
    return made


def test_secret_scores_change_no_teacher_and_no_ledger(variants):
    plain, secret = variants["plain"], variants["secret"]
    assert plain.teachers == secret.teachers
    ledgers = [name for name in plain.files if name.endswith("labels.parquet")]
    assert len(ledgers) == 4  # two Teachers, with all prompts and with one held out
    for name in ledgers:
        assert plain.files[name].read_bytes() == secret.files[name].read_bytes()


def test_secret_scores_change_no_score_of_a_student(variants):
    plain, secret = variants["plain"], variants["secret"]
    for c in conditions(plain.study):
        for student in ["ridge", "stacked"] + ["electra"] * (c.slug in ELECTRA_RUNS):
            first, second = (made.scores(student, c) for made in (plain, secret))
            assert {"continuous", "score", "linked", "continuous:vocabulary"} <= set(first)
            pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_secret_scores_change_no_calibration_and_no_decoding(variants):
    plain, secret = variants["plain"], variants["secret"]
    for method in METHODS:
        pd.testing.assert_frame_equal(
            plain.calibrated[method], secret.calibrated[method], check_exact=True
        )
    assert set(plain.decoded["decoding_rule"]) == set(DECODING_RULES)
    pd.testing.assert_frame_equal(plain.decoded, secret.decoded, check_exact=True)


def test_secret_scores_are_those_that_the_evaluation_sees(variants):
    """They were planted indeed."""
    plain, secret = (
        pd.read_parquet(variants[name].files["labels/ridge/f0.3-d1/predictions.parquet"])
        for name in ("plain", "secret")
    )
    moved = (plain[["human", "human:vocabulary"]] != secret[["human", "human:vocabulary"]]).any()
    assert moved.all()
    on_dev = plain["split"] == "dev"
    assert plain.loc[on_dev, "human"].equals(secret.loc[on_dev, "human"])


def moved(first: pd.DataFrame, second: pd.DataFrame, name: str = "continuous") -> bool:
    return not first[name].equals(second[name])


def test_scores_of_u_change_everything_that_is_trained(variants):
    plain, other = variants["plain"], variants["u"]
    assert not set(plain.teachers.values()) & set(other.teachers.values())
    for c in conditions(plain.study):
        for name in ("continuous", "continuous:vocabulary"):
            assert moved(plain.scores("ridge", c), other.scores("ridge", c), name)
    rule = plain.decoded["decoding_rule"] == "prior_corrected"
    assert moved(plain.decoded[rule], other.decoded[rule], "score")


def test_scores_of_dev_change_only_what_is_fitted_on_dev(variants):
    plain, other = variants["plain"], variants["dev"]
    for c in conditions(plain.study):
        first, second = plain.scores("ridge", c), other.scores("ridge", c)
        assert moved(first, second) == (c.strategy == "calibrated")
    for method in METHODS:
        first, second = plain.calibrated[method], other.calibrated[method]
        assert moved(first, second, "score") == (method != "none")
    for rule in ("hard", "expected", "prior_corrected", "equated"):
        first, second = (m.decoded[m.decoded["decoding_rule"] == rule] for m in (plain, other))
        assert moved(first, second, "score") == (rule == "equated")
