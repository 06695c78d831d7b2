"""The audit of a Teacher, on labels whose faults are planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.analysis.teacher_audit import (
    audited_labels,
    by_stratum,
    dev_set_estimates,
    inherited_errors,
    reliability,
)
from cyborg_utils.reporting.narrative.questions import audit_findings
from cyborg_utils.statistics.agreement import quadratic_weighted_kappa
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition
from cyborg_utils.study.storage import labels_folder, write_parquet

LABELS = [1, 2, 3, 4, 5, 6]


def scored(n: int, seed: int = 0, severity: int = 0) -> pd.DataFrame:
    """Human scores, and a Teacher that agrees with two in three and is one point off else."""
    rng = np.random.default_rng(seed)
    human = rng.choice(LABELS, n, p=[0.1, 0.25, 0.3, 0.2, 0.1, 0.05])
    off = rng.choice([-1, 0, 0, 0, 0, 1], n) - severity
    return pd.DataFrame(
        {
            "essay_id": [f"e{i}" for i in range(n)], "draw": 1, "human": human,
            "score": np.clip(human + off, 1, 6),
        }
    )  # fmt: skip


def test_strata_show_where_a_teacher_is_severe():
    frame = scored(600).assign(kind=["a", "b", None] * 200)
    frame.loc[frame["kind"] == "b", "score"] = (frame["human"] - 1).clip(lower=1)
    table = by_stratum(frame, ["human", "kind"], LABELS).set_index(["by", "level"])
    assert table.loc[("kind", "b"), "difference"] < -0.8
    assert abs(table.loc[("kind", "a"), "difference"]) < 0.2
    assert table.loc[("kind", "(missing)"), "essays"] == 200
    assert table.loc["human", "essays"].sum() == 600
    assert table.loc["human", "qwk"].isna().all()
    one = frame[frame["kind"] == "a"]
    assert table.loc[("kind", "a"), "qwk"] == quadratic_weighted_kappa(
        one["human"], one["score"], LABELS
    )


def test_the_error_of_a_stratum_is_over_essays_and_not_over_draws():
    """The same labels in five draws tell no more than once; independent ones tell more."""
    frame = scored(400).assign(kind="a")
    gap = frame["score"] - frame["human"]
    once = by_stratum(frame, ["kind"], LABELS)["se"].item()
    assert once == pytest.approx(gap.std() / 20)
    five = pd.concat([frame.assign(draw=draw) for draw in range(5)])
    again = by_stratum(five, ["kind"], LABELS)["se"].item()
    assert again == pytest.approx(once)
    rng = np.random.default_rng(3)
    free = five.assign(human=3, score=3 + rng.choice([-1, 0, 1], len(five)))
    apart = by_stratum(free, ["kind"], LABELS)["se"].item()
    assert apart == pytest.approx(np.sqrt(2 / 3 / len(free)), rel=0.1)
    assert by_stratum(frame[:1], ["kind"], LABELS)["se"].isna().item()


def with_probabilities(n: int, says, is_right) -> pd.DataFrame:
    """A Teacher with two confidences in turn, each with an accuracy of its own."""
    rng = np.random.default_rng(1)
    score = rng.choice(LABELS, n)
    wrong = np.where(score == 6, 5, score + 1)
    which = np.arange(n) % 2
    right = rng.random(n) < np.asarray(is_right)[which]
    frame = pd.DataFrame({"score": score, "human": np.where(right, score, wrong)})
    confidence = np.asarray(says)[which]
    for label in LABELS:
        frame[f"p_{label}"] = np.where(score == label, confidence, (1 - confidence) / 5)
    return frame


@pytest.mark.parametrize(
    ("says", "is_right"),
    [((0.5, 0.9), (0.5, 0.9)), ((0.5, 0.9), (0.9, 0.5)), ((0.6, 0.95), (0.6, 0.6))],
)
def test_the_calibration_error_is_the_distance_of_what_it_says_from_what_is_right(says, is_right):
    bins, found = reliability(with_probabilities(20_000, says, is_right), LABELS)
    assert bins["essays"].tolist() == [2000] * 10
    assert bins["confidence"].tolist() == pytest.approx([says[0]] * 5 + [says[1]] * 5)
    expected = np.mean([abs(s - r) for s, r in zip(says, is_right, strict=True)])
    assert found["ece"] == pytest.approx(expected, abs=0.015)
    assert found["by_chance"] < 0.012
    assert found["overconfidence"] == pytest.approx(np.mean(says) - np.mean(is_right), abs=0.01)


def test_few_essays_make_a_calibration_error_by_chance():
    _, found = reliability(with_probabilities(100, (0.6, 0.8), (0.6, 0.8)), LABELS)
    assert found["by_chance"] > 0.08
    assert found["ece"] < 2 * found["by_chance"]


def test_a_teacher_without_probabilities_has_no_calibration_error():
    assert reliability(scored(10), LABELS) is None


def test_dev_tells_what_the_hidden_scores_would_within_its_interval_19_times_in_20():
    study = load_study("demo", ["evaluation.replicates=300"])
    withheld = scored(4000, seed=99)
    inside = [
        dev_set_estimates(study, withheld, scored(150, seed=s)).set_index("statistic")["inside"]
        for s in range(100)
    ]
    assert 0.87 <= np.mean([row["qwk"] for row in inside]) <= 1


def test_an_estimate_from_unlike_dev_essays_is_reported_as_outside():
    study = load_study("demo", ["evaluation.replicates=300"])
    table = dev_set_estimates(study, scored(2000, seed=1, severity=1), scored(200, seed=2))
    assert not table.set_index("statistic").loc["smd", "inside"]
    lines = audit_findings(by_stratum(scored(0), ["human"], LABELS), table, LABELS, None)
    assert "outside that interval (draw 1)" in lines[-1]


@pytest.mark.parametrize("floats", [False, True])
def test_the_ends_of_the_scale_are_compared_with_a_second_rater(floats):
    study = load_study("demo", ["evaluation.replicates=300"])
    frame = scored(600).assign(kind="a")
    if floats:
        frame["human"] = frame["human"].astype(float)
    strata = by_stratum(frame, ["human", "kind"], LABELS)
    second = pd.Series({1.0: 1.57, 6.0: 5.28})
    calibration = {"ece": 0.07, "by_chance": 0.04, "overconfidence": -0.02}
    lines = audit_findings(
        strata, dev_set_estimates(study, frame, scored(100)), LABELS, calibration, second
    )
    assert lines[0].startswith("Essays with a human score of 1 get 1.")
    assert lines[1].startswith("Essays with a human score of 6 get 5.")
    assert lines[1].endswith("and 5.28 from a second rater.")
    assert any("Its mean confidence is 0.02 below its accuracy" in line for line in lines)


def test_one_dev_essay_gives_no_finding():
    study = load_study("demo", ["evaluation.replicates=300"])
    table = dev_set_estimates(study, scored(300), scored(1))
    assert table.set_index("statistic")["inside"]["qwk"] is None
    assert not audit_findings(by_stratum(scored(0), ["human"], LABELS), table, LABELS, None)


def test_without_withheld_scores_dev_alone_is_reported():
    study = load_study("demo", ["evaluation.replicates=300"])
    table = dev_set_estimates(study, scored(0), scored(150))
    assert table["hidden"].isna().all()
    strata = by_stratum(scored(0), ["human"], LABELS)
    (line,) = audit_findings(strata, table, LABELS, None)
    assert line.startswith("QWK on the dev set alone is 0.") and "withheld" not in line


def test_an_inherited_error_adds_to_the_one_that_any_two_scorers_share():
    rng = np.random.default_rng(2)
    n = 3000
    true = rng.normal(3.5, 1, n)
    human = np.clip(np.rint(true + rng.normal(0, 0.5, n)), 1, 6)
    teacher = true + rng.normal(0, 0.6, n)

    def run(machine, *condition):
        return pd.DataFrame(
            {
                "essay_id": range(n), "human": human, "score": machine,
                **Condition(*condition).fields, "draw": 1, "seed": 1,
            }
        )  # fmt: skip

    runs = pd.concat(
        [
            run(true + rng.normal(0, 0.6, n), "human", None, 0.1),
            run(0.8 * teacher + 0.2 * true + rng.normal(0, 0.2, n), "cyborg", "t", 0.1),
        ]
    )
    table = inherited_errors(runs, run(teacher, "teacher", "t", 0.1)).set_index("arm")
    shared = 0.5**2 / (0.5**2 + 0.6**2)  # the human score's own error, in both
    assert table.loc["human", "correlation"] == pytest.approx(shared, abs=0.08)
    assert table.loc["cyborg", "correlation"] > table.loc["human", "correlation"] + 0.3
    assert table.loc["human", "slope"] == pytest.approx(shared, abs=0.08)
    other = run(true + rng.normal(0, 0.6, n), "teacher", "t", 0.1).assign(draw=2)
    both = pd.concat([run(teacher, "teacher", "t", 0.1), other])
    again = inherited_errors(runs, both).set_index("arm")  # each run has its own draw's Teacher
    pd.testing.assert_frame_equal(again, table)


def test_labels_are_joined_with_the_withheld_scores(tmp_path, monkeypatch):
    study = load_study("demo", ["sampling.fractions=[0.1]", "sampling.draws=[1, 2]"])
    monkeypatch.setenv("CYBORG_HOME", str(tmp_path))
    corpus = pd.DataFrame(
        {
            "essay_id": list("abcdef"), "text": ["word " * n for n in (9, 1, 5, 3, 7, 2)],
            "score": [3, 2, 4, None, 5, 1], "prompt": "p", "gender": list("FMFMFM"),
            "split": ["train"] * 5 + ["test"],
        }
    )  # fmt: skip
    for draw, human in ((1, "a"), (2, "b")):
        ledger = pd.DataFrame({"essay_id": list("abcde"), "score": 3.0, "expected": 3.2})
        ledger["label_source"] = np.where(ledger["essay_id"] == human, "human", "teacher")
        write_parquet(labels_folder(study, "llama", 0.1, draw) / "labels.parquet", ledger)
    frame = audited_labels(study, corpus, "llama")
    assert sorted(zip(frame["draw"], frame["essay_id"], strict=True)) == [
        (1, "b"), (1, "c"), (1, "e"), (2, "a"), (2, "c"), (2, "e"),
    ]  # fmt: skip
    assert frame.set_index(["draw", "essay_id"]).loc[(2, "a"), "human"] == 3
    assert "text" not in frame and "gender" in frame
    assert frame.groupby("essay_id")["words"].first().to_dict() == {
        "a": "5", "b": "2", "c": "3", "e": "4",
    }  # fmt: skip
