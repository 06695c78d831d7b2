"""The penalty on group means: what it estimates, whom it sees, and what it does to a Student."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import encoder, fitted

from cyborg_utils.models import trainer
from cyborg_utils.models.group_penalty import FEWEST, SAMPLE, GroupPenalty
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.models.trainer import last_checkpoint
from cyborg_utils.study.schema.study import Study

pytestmark = pytest.mark.usefixtures("on_the_cpu")
LABELS = [1, 2, 3, 4, 5, 6]


class Line(torch.nn.Module):
    """A model whose output is the number that it is given, and that notes whom it saw."""

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(()))
        self.seen = []

    def forward(self, x, labels):
        self.seen.append(x[:, 0].tolist())
        return type("Output", (), {"logits": self.factor * x})


def together(examples: list[dict]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor([e[name] for e in examples]) for name in examples[0]}


def examples_of(errors: np.ndarray) -> list[dict]:
    """Essays whose outputs are off by `errors`, shape (n, traits)."""
    return [{"x": e.tolist(), "labels": np.zeros(len(e)).tolist()} for e in errors]


def penalty_of(errors: np.ndarray, levels: list, weight: float = 1.0, seed: int = 1):
    groups = pd.DataFrame({"kind": levels})
    spec = encoder(group_penalty=weight)
    return GroupPenalty(examples_of(errors), groups, together, spec, seed)


def average(penalty: GroupPenalty, steps: int) -> tuple[float, float]:
    """Mean over the steps, and its standard error."""
    with torch.no_grad():
        result = [float(penalty(Line(), step, torch.device("cpu"))) for step in range(steps)]
    return float(np.mean(result)), float(np.std(result) / steps**0.5)


# ---------------------------------------------------------------- the estimate


def test_over_samples_of_a_dev_it_is_the_mean_of_products_of_different_errors():
    rng = np.random.default_rng(1)
    errors, levels = rng.normal(0.4, 1, (100, 1)), ["a"] * 60 + ["b"] * 40
    pairs = []
    for group in (errors[:60, 0], errors[60:, 0]):
        products = np.outer(group, group)
        pairs.append(products[~np.eye(len(group), dtype=bool)].mean())
    mean, error = average(penalty_of(errors, levels, weight=3.0), 3000)
    assert mean == pytest.approx(3 * np.mean(pairs), abs=4 * error)
    assert error < 0.05


@pytest.mark.long
def test_over_devs_it_is_the_squared_mean_error_whatever_their_variance():
    """The square of a mean of 6 errors with SD 1 would be 0.25 + 1/6."""
    rng, result = np.random.default_rng(2), []
    for seed in range(3000):
        errors = np.repeat([0.5, -0.5], 6)[:, None] + rng.normal(0, 1, (12, 1))
        result += [average(penalty_of(errors, ["a"] * 6 + ["b"] * 6, seed=seed), 1)[0]]
    error = np.std(result) / len(result) ** 0.5
    assert np.mean(result) == pytest.approx(0.25, abs=4 * error)
    assert error < 0.02


def test_it_is_the_sum_over_traits():
    errors = np.tile([0.5, -2.0], (10, 1))
    mean, error = average(penalty_of(errors, ["a", "b"] * 5), 5)
    assert (mean, error) == pytest.approx((0.25 + 4.0, 0), abs=1e-6)


def test_its_gradient_points_at_the_human_mean():
    errors = np.full((10, 1), 0.5)
    model = Line()
    penalty_of(errors, ["a", "b"] * 5)(model, 0, torch.device("cpu")).backward()
    assert model.factor.grad == pytest.approx(2 * 0.5**2)


# ---------------------------------------------------------------- whom it sees


def numbered(n: int) -> np.ndarray:
    return np.arange(n, dtype=float)[:, None]


def seen(penalty: GroupPenalty, steps: int) -> list[list[float]]:
    model = Line()
    for step in range(steps):
        penalty(model, step, torch.device("cpu"))
    return model.seen


def test_the_same_step_and_seed_give_the_same_essays():
    levels = ["a"] * 50 + ["b"] * 50
    first, again, other = (
        seen(penalty_of(numbered(100), levels, seed=seed), 20) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len({tuple(essays) for essays in first}) == 20


def test_a_step_looks_at_one_group_and_at_no_more_than_its_sample():
    levels = np.array(["a"] * 60 + ["b"] * 10 + ["c"] * (FEWEST - 1) + [None] * 20, dtype=object)
    looked = seen(penalty_of(numbered(len(levels)), levels.tolist()), 60)
    for essays in looked:
        assert len(set(essays)) == len(essays)
        assert len({levels[int(i)] for i in essays}) == 1
    assert {(levels[int(e[0])], len(e)) for e in looked} == {("a", SAMPLE), ("b", 10)}


@pytest.mark.parametrize(
    "groups",
    [
        pd.DataFrame(index=range(8)),
        pd.DataFrame({"kind": ["a"] * 8}),
        pd.DataFrame({"kind": ["a"] * 5 + ["b"] * (FEWEST - 1)}),
        pd.DataFrame({"kind": ["a"] * 4 + [None] * 4}),
    ],
    ids=["no attribute", "one group", "a group too small", "one known group"],
)
def test_a_dev_without_groups_is_refused(groups):
    examples = examples_of(numbered(len(groups)))
    with pytest.raises(ValueError) as caught:
        GroupPenalty(examples, groups, together, encoder(group_penalty=1), 1)
    assert str(caught.value) == (
        "student electra: group_penalty needs two groups of 4 or more dev essays in an attribute; "
        "dev has none"
    )


# ---------------------------------------------------------------- what a study may say


def study(**models) -> Study:
    scratch = {
        "name": "e",
        "kind": "encoder",
        "model": {"from_scratch": {"architecture": "electra"}},
    }
    ridge = {"name": "ridge", "kind": "classical"}
    given = {who: [scratch | how, ridge] for who, how in models.items()}
    base = {"name": "t", "title": "T", "corpus": {"kind": "simulated"}}
    return Study.model_validate(base | {"teachers": [ridge], "students": [ridge]} | given)


def test_only_a_regression_student_can_be_penalized():
    assert study(students={"group_penalty": 2}).student("e").group_penalty == 2
    with pytest.raises(ValueError, match="group_penalty needs head: regression"):
        study(students={"group_penalty": 2, "head": "classification"})
    with pytest.raises(ValueError, match="teachers: e: group_penalty is for Students"):
        study(teachers={"group_penalty": 2})
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        study(students={"group_penalty": -1})


# ---------------------------------------------------------------- what it does


def marked(n: int, seed: int, harsh: float) -> pd.DataFrame:
    """Essays whose words tell their score. Group b writes `also`, and is scored `harsh` too low."""
    rng = np.random.default_rng(seed)
    score, in_b = rng.integers(3, 6, n), np.arange(n) % 2 == 1
    words = ["poor fair", "fair good", "good best"]
    texts = [
        f"{words[s - 3]} {'also' if b else 'the'} day" for s, b in zip(score, in_b, strict=True)
    ]
    return pd.DataFrame(
        {"text": texts, "score": score - harsh * in_b, "kind": np.where(in_b, "b", "a")}
    )


def trained(
    weight: float, train: pd.DataFrame, dev: pd.DataFrame, work=None, on_evaluate=None, **more
) -> Scorer:
    values = {"group_penalty": weight, "max_tokens": 32, "min_steps": 120, "learning_rate": 3e-3}
    spec = encoder(**values | more)
    return fitted(spec, train, dev, groups=["kind"], work=work, on_evaluate=on_evaluate)[0]


@pytest.mark.long
def test_it_keeps_a_group_at_the_human_mean_where_the_labels_would_not():
    train, dev, test = marked(160, 1, 1.0), marked(60, 2, 0.0), marked(200, 3, 0.0)
    gaps = {}
    for weight in (0, 8):
        held = trained(weight, train, dev, min_steps=240)
        result = held.score(test["text"].tolist())["continuous"]
        error = (result - test["score"]).groupby(test["kind"]).mean()
        gaps[weight] = error["b"] - error["a"]
    assert gaps[0] < -0.5
    assert abs(gaps[8]) < 0.6 * abs(gaps[0])


class Killed(BaseException):
    """As a kernel that is killed: nothing catches it."""


def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0)  # a checkpoint after every step
    train, dev = marked(40, 1, 1.0), marked(24, 2, 0.0)

    def end(log: pd.DataFrame) -> None:
        if log["step"].max() >= 8:
            raise Killed

    whole = trained(4, train, dev, min_steps=16)
    with pytest.raises(Killed):
        trained(4, train, dev, tmp_path, end, min_steps=16)
    assert last_checkpoint(tmp_path) is not None
    capsys.readouterr()
    resumed = trained(4, train, dev, tmp_path, min_steps=16)
    assert "resuming at step" in capsys.readouterr().out
    texts, plain = dev["text"].tolist(), trained(0, train, dev, min_steps=16)
    pd.testing.assert_frame_equal(resumed.score(texts), whole.score(texts), check_exact=True)
    assert not np.allclose(plain.score(texts)["continuous"], whole.score(texts)["continuous"])
