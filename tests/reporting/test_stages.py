"""What a study trains: conditions, their names, held-out prompts, and essays of other studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyborg_utils.analysis.paired import EVERYONE
from cyborg_utils.corpus.loaders import external_test_essays
from cyborg_utils.corpus.sampling import draw_subset, without_prompt
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.reporting.labels import condition_label
from cyborg_utils.reporting.narrative.questions import held_out_findings, transfer_findings
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition, condition, conditions, subset_slug, subsets
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study

RIDGE = {"name": "ridge", "kind": "classical"}
NAMES = st.lists(
    st.from_regex(r"[a-z0-9][a-z0-9_]{0,3}", fullmatch=True).filter(lambda n: n != "hard"),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip


def study(teachers: list[str] = ("t",), uses: list[str] = (), arms=None, **sampling) -> Study:
    """Every second Teacher gives probabilities; every second use needs them."""
    heads, reads = ["classification", "regression"], ["prior_corrected", "expected"]
    given_ = [{**RIDGE, "name": t, "head": heads[i % 2]} for i, t in enumerate(teachers)]
    return Study.model_validate(
        {
            "name": "s", "title": "S", "corpus": {"kind": "simulated"}, "students": [RIDGE],
            "teachers": given_,
            "pseudo_label_strategies": [{"name": "hard"}]
            + [{"name": u, "target": reads[i % 2]} for i, u in enumerate(uses)],
            "arms": arms or ["human", "cyborg", "full"], "sampling": sampling,
        }
    )  # fmt: skip


studies = st.builds(
    study,
    NAMES,
    NAMES,
    st.lists(st.sampled_from(["human", "cyborg", "full"]), min_size=1, unique=True),
    fractions=st.lists(
        st.floats(1e-5, 0.99).map(lambda share: float(f"{share:.3g}")),
        min_size=1, max_size=3, unique=True,
    ),
    draws=st.lists(st.integers(0, 99), min_size=1, max_size=2, unique=True),
    held_out_prompts=st.lists(st.sampled_from(["A", "B", "C"]), unique=True),
)  # fmt: skip


# ---------------------------------------------------------------- conditions


@settings(deadline=None, max_examples=100)
@given(studies)
def test_conditions_differ_and_so_do_their_names(a_study):
    found = conditions(a_study)
    assert len(set(found)) == len(found)
    assert len({c.slug for c in found}) == len(found)
    assert len({(c.condition_id, c.draw) for c in found}) == len(found)
    for c in found:
        assert Condition.from_id(c.condition_id) == replace(c, draw=None)
        assert Condition.from_id(c.condition_id).fields == c.fields


@settings(deadline=None, max_examples=50)
@given(studies)
def test_every_condition_can_be_asked_for(a_study):
    for c in conditions(a_study):
        assert condition(a_study, **vars(c)) == c


@settings(deadline=None, max_examples=50)
@given(studies)
def test_prompts_are_held_out_at_the_primary_fraction_with_hard_labels(a_study):
    found = conditions(a_study)
    without = [c for c in found if c.held_out is not None]
    assert {c.held_out for c in without} == set(range(len(a_study.sampling.held_out_prompts)))
    assert {c.strategy for c in without} <= {None, "hard"}
    assert {c.fraction for c in without} <= {None, a_study.primary_fraction}
    for c in without:
        assert Condition(c.arm, c.teacher, c.fraction, c.draw, c.strategy) in found


@settings(deadline=None, max_examples=50)
@given(studies)
def test_a_teacher_is_trained_on_every_u_that_a_student_asks_for(a_study):
    found = subsets(a_study)
    assert len(set(found)) == len(found)
    assert len({subset_slug(*u) for u in found}) == len(found)
    cyborg = [c for c in conditions(a_study) if c.arm == "cyborg"]
    assert {(c.fraction, c.draw, c.held_out) for c in cyborg} == set(found)


@pytest.mark.parametrize(
    ("given_", "slug", "condition_id", "label"),
    [
        (Condition("full"), "full", "full", "all human labels"),
        (Condition("full", held_out=2), "full-no2", "full-held2",
         "all human labels, prompt held out"),
        (Condition("human", None, 0.1, 1), "human-f0.1-d1", "human-f0.1",
         "human labels only, 10 %"),
        (Condition("cyborg", "llama", 0.05, 2, "hard"), "cyborg-llama-f0.05-d2",
         "cyborg-llama-f0.05", "cyborg by llama, 5 %"),
        (Condition("cyborg", "llama", 0.1, 1, "soft"), "cyborg-llama-soft-f0.1-d1",
         "cyborg-llama-soft-f0.1", "cyborg by llama, soft, 10 %"),
        (Condition("cyborg", "llama", 0.1, 1, "hard", 0), "cyborg-llama-f0.1-d1-no0",
         "cyborg-llama-f0.1-held0", "cyborg by llama, 10 %, prompt held out"),
    ],
)  # fmt: skip
def test_a_condition_has_a_folder_a_key_and_a_label(given_, slug, condition_id, label):
    assert given_.slug == slug
    assert given_.condition_id == condition_id
    assert condition_label(condition_id) == label


@pytest.mark.parametrize("text", ["", "robot", "cyborg", "human-llama-f0.1", "full, 10 %"])
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match="is not a condition; one is written like human-f0.1 or"):
        Condition.from_id(text)


def test_the_conditions_of_a_study_are_those_that_it_asks_for():
    asked = study(["a", "b"], ["p", "e"], fractions=[0.1, 0.5], held_out_prompts=["X"])
    assert [c.slug for c in conditions(asked) if c.held_out is None and c.fraction != 0.5] == [
        "human-f0.1-d1", "cyborg-a-f0.1-d1", "cyborg-a-p-f0.1-d1", "cyborg-a-e-f0.1-d1",
        "cyborg-b-f0.1-d1", "cyborg-b-e-f0.1-d1", "full",
    ]  # fmt: skip
    assert [c.slug for c in conditions(asked) if c.held_out == 0] == [
        "human-f0.1-d1-no0", "cyborg-a-f0.1-d1-no0", "cyborg-b-f0.1-d1-no0", "full-no0",
    ]  # fmt: skip
    assert subsets(asked) == [(0.1, 1, None), (0.5, 1, None), (0.1, 1, 0)]


def test_fractions_that_would_share_a_name_are_refused():
    with pytest.raises(ValueError, match="two are alike in their first 3 digits"):
        study(fractions=[0.12341, 0.12344])


def test_a_prompt_that_is_not_held_out_is_refused():
    with pytest.raises(ParameterError, match="leaves out 1 prompts .*; there is no 1"):
        condition(study(held_out_prompts=["A"]), "human", None, 0.1, 1, held_out=1)


# ---------------------------------------------------------------- held-out prompts


def essays() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {"essay_id": [f"e{i:03d}" for i in range(90)], "prompt": rng.choice(["A", "B", "C"], 90),
         "split": np.repeat(["train", "dev", "test"], 30), "score": rng.choice([1.0, 2.0], 90)}
    )  # fmt: skip


def test_a_prompt_is_held_out_of_train_and_dev_and_is_all_of_test():
    corpus, asked = essays(), study(held_out_prompts=["A", "B"])
    assert without_prompt(corpus, asked, None) is corpus
    for i, prompt in enumerate(["A", "B"]):
        kept = without_prompt(corpus, asked, i)
        test = kept["split"] == "test"
        assert set(kept.loc[test, "prompt"]) == {prompt}
        assert set(kept.loc[~test, "prompt"]) == {"A", "B", "C"} - {prompt}
        there = corpus["prompt"] == prompt
        assert len(kept) == (there == (corpus["split"] == "test")).sum()
        assert kept.equals(corpus.loc[kept.index])  # rows keep their place in the file
        u = draw_subset(kept, 0.5, 1)
        assert not set(corpus.set_index("essay_id").loc[u, "prompt"]) & {prompt}


def test_a_prompt_that_no_test_essay_answers_is_refused():
    with pytest.raises(
        CorpusError, match="no test essay answers the prompt 'D'; some have 'A'|'B'"
    ):
        without_prompt(essays(), study(held_out_prompts=["D"]), 0)


# ---------------------------------------------------------------- other studies' essays


def test_essays_of_another_study_come_with_their_scores_on_this_ones_scale(tmp_path):
    file = tmp_path / "other.yaml"
    table = pd.DataFrame(
        {"i": range(12), "t": [f"An essay of {i} words that is no other." for i in range(12)],
         "s": [0, 1, 2, 3] * 3, "p": "Q", "sex": ["f", "m"] * 6,
         "part": ["test"] * 8 + ["train"] * 2 + ["dev"] * 2}
    )  # fmt: skip
    table.to_csv(tmp_path / "other.csv", index=False)
    file.write_text(f"""\
title: Another
corpus:
  kind: table
  files: {{train: [{tmp_path / "other.csv"}]}}
  columns: {{id: i, text: t, score: s, prompt: p, split: part, groups: {{gender: sex}}}}
  scale: {{min: 0, max: 3}}
teachers: [{{name: ridge, kind: classical}}]
students: [{{name: ridge, kind: classical}}]
arms: [human]
""")
    own = pd.DataFrame({"text": ["AN essay of 7 words, that is no other"]})  # stands in both
    found = external_test_essays(study(), own, str(file)).set_index("essay_id").sort_index()
    assert found["score"].to_dict() == dict(zip("0123456", [1, 3, 4, 6, 1, 3, 4], strict=True))
    assert set(found["split"]) == {str(file)}
    assert list(found.columns) == ["text", "prompt", "gender", "score", "split"]
    assert found.loc["3", "text"] == "An essay of 3 words that is no other."


def test_transfer_is_reported_in_sentences():
    row = {"student": "ridge", "condition": "full", "to": "there", "qwk": 0.5, "low": 0.4,
           "high": 0.6, "at_home": 0.7}  # fmt: skip
    gained = {"student": "ridge", "condition": "cyborg-t-f0.1", "to": "there", "gain": -0.02,
              "gain_low": -0.05, "gain_high": 0.01}  # fmt: skip
    assert transfer_findings(pd.DataFrame([row]), pd.DataFrame([gained])) == [
        "**ridge**, all human labels: QWK 0.500 (0.400 to 0.600) on the essays of there, 0.700 on "
        "the "
        "study's own test set.",
        "On there cyborg data changes QWK of **ridge** (cyborg by t, 10 %) by -0.020 (-0.050 to "
        "+0.010) compared with human labels only.",
    ]
    assert transfer_findings(pd.DataFrame(), pd.DataFrame()) == []
    out = pd.DataFrame(
        {"student": "ridge", "condition": "full", "statistic": ["qwk", "smd", "qwk"],
         "prompt": [EVERYONE, EVERYONE, "A"], "a": 0.5, "b": 0.7,
         "difference": -0.2, "low": -0.3, "high": -0.1}
    )  # fmt: skip
    assert held_out_findings(out) == [
        "**ridge**, all human labels: on held-out prompts QWK is 0.500, compared with "
        "0.700 where the prompt was in training (-0.200, 95 % -0.300 to -0.100)."
    ]
    assert held_out_findings(pd.DataFrame()) == []


def test_a_study_cannot_transfer_to_itself():
    with pytest.raises(ParameterError, match="demo is this study itself"):
        load_study("demo", ["transfer=[demo]"])
