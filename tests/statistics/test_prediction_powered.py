"""Prediction-powered estimates: other libraries' results, limits, properties, faults."""

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.statistics.agreement import estimate_agreement
from cyborg_utils.statistics.augmented_means import (
    Design,
    EssayPopulation,
    FeatureMeans,
    augmented_estimates,
)
from cyborg_utils.statistics.prediction_powered import prediction_powered
from cyborg_utils.statistics.score_model import cross_fitted_scores, score_basis
from cyborg_utils.statistics.standardized_differences import dsm_with_error, smd_with_error
from cyborg_utils.statistics.weighting import inverse_probability_weights, linearized

pytestmark = pytest.mark.filterwarnings("error")
LABELS = range(1, 7)
NEW, THESE = EssayPopulation.NEW_ESSAYS, EssayPopulation.THESE_ESSAYS


def essays(n: int, seed: int = 1) -> pd.DataFrame:
    """Simulated: true scores, a group half a point lower, two machines."""
    rng = np.random.default_rng(seed)
    group = rng.random(n) < 0.3
    true = rng.normal(3.5 - 0.5 * group, 1)
    frame = pd.DataFrame({"group": np.where(group, "a", "b"), "noise": rng.normal(size=n)})
    frame["all_human"] = np.clip(np.rint(true + rng.normal(0, 0.5, n)), 1, 6)
    for name, error in (("continuous", 0.6), ("second", 0.8)):
        frame[name] = true + 0.1 * group + rng.normal(0, error, n)
    return frame.assign(machine=np.clip(np.rint(frame["continuous"]), 1, 6))


def drawn(frame: pd.DataFrame, n: int, seed: int = 1) -> pd.DataFrame:
    """Human scores of a simple random sample only."""
    chosen = np.random.default_rng(seed).permutation(len(frame)) < n
    return frame.assign(human=frame["all_human"].where(chosen))


def estimated(frame: pd.DataFrame, *groups: str, **options: object) -> pd.DataFrame:
    options = {"continuous": "continuous"} | options
    table = prediction_powered(frame, groups, labels=LABELS, **options)
    assert not table.duplicated(["attribute", "level", "statistic"]).any()
    return table.set_index(["level", "statistic"])


def mean_only(y: np.ndarray, predicted: np.ndarray, everyone: float) -> FeatureMeans:
    columns = y[:, None], predicted[:, None]
    return FeatureMeans(("mean_human",), lambda m, n: m, *columns, np.array([everyone]))


def test_the_classical_side_is_that_of_the_other_statistics():
    frame = drawn(essays(900), 200)
    table = estimated(frame, "group")
    scored = frame.dropna(subset="human")
    agreement = estimate_agreement(scored["human"], scored["machine"], LABELS)
    names = ["qwk", "exact", "adjacent", "smd", "mean_difference"]
    whole = table.loc["(all)"].loc[names]
    assert whole["classical"].to_numpy() == pytest.approx(agreement.loc[names, "estimate"])
    errors = agreement.loc[names, "se"] * np.sqrt(200 / 199)
    assert whole["classical_se"].to_numpy() == pytest.approx(errors)
    member = scored["group"].eq("a")
    smd = smd_with_error(scored.loc[member, "human"], scored.loc[member, "machine"])
    dsm = dsm_with_error(scored["human"], scored["continuous"], member)
    columns = ["classical", "classical_se"]
    assert table.loc[("a", "smd"), columns].to_list() == pytest.approx(smd, rel=1e-3)
    assert table.loc[("a", "dsm"), columns].to_list() == pytest.approx(dsm, rel=1e-3)
    shares = whole_shares(table)["classical"]
    counts = scored["human"].value_counts(normalize=True)
    assert shares.to_numpy() == pytest.approx(counts.reindex(LABELS, fill_value=0).to_numpy())


def whole_shares(table: pd.DataFrame) -> pd.DataFrame:
    return table.loc["(all)"].loc[[f"share_{label}" for label in LABELS]]


def test_with_declared_probabilities_the_classical_side_is_weighted():
    rng, frame = np.random.default_rng(3), essays(900)
    frame["p"] = np.where(frame["group"] == "a", 0.5, 0.1)
    frame["human"] = frame["all_human"].where(rng.random(900) < frame["p"])
    scored = frame.dropna(subset="human")
    weights = inverse_probability_weights(scored["p"])
    table = estimated(frame, "group", probability="p").loc["(all)"]
    weighted = estimate_agreement(scored["human"], scored["machine"], LABELS, weights)
    assert table.loc["qwk", "classical"] == pytest.approx(weighted.loc["qwk", "estimate"])
    # The error is to essays like these, so it has the weights' part, and not a finite one alone.
    assert table.loc["qwk", "classical_se"] == pytest.approx(weighted.loc["qwk", "se"], rel=0.05)
    these = estimated(frame, probability="p", population=THESE).loc["(all)"]
    assert (these["se"] <= table["se"]).all()
    mean = linearized(scored[["human"]].to_numpy(), lambda m, n: m, weights)
    assert table.loc["mean_human", "classical"] == pytest.approx(mean[0][0])


def test_equal_probabilities_change_nothing():
    frame = drawn(essays(600), 150)
    declared = estimated(frame.assign(p=150 / 600), probability="p").select_dtypes(float)
    found = estimated(frame).select_dtypes(float)
    assert np.allclose(found, declared, rtol=1e-9, atol=1e-12)


def test_all_essays_scored_by_people_need_no_prediction():
    frame = essays(500).assign(human=lambda f: f["all_human"])
    table = estimated(frame, "group")
    assert np.allclose(table["estimate"], table["classical"])
    assert (
        table["label_equivalents"].dropna() == table["n"].loc[table["label_equivalents"].notna()]
    ).all()
    these = estimated(frame, "group", population=THESE)
    assert np.allclose(these["se"], 0)


def test_a_proxy_equal_to_the_human_score_has_the_error_of_scoring_all():
    frame = drawn(essays(3000), 400)
    table = estimated(frame, continuous="all_human").loc["(all)"]
    every = estimated(frame.assign(human=frame["all_human"])).loc["(all)"]
    names = ["mean_human", "qwk", "exact", "smd", "share_2", "share_3", "share_4", "share_5"]
    found, best = table.loc[names], every.loc[names]
    assert ((found["estimate"] - best["estimate"]).abs() < 0.5 * best["se"]).all()
    assert found["se"].to_numpy() == pytest.approx(best["se"].to_numpy(), rel=0.15)
    assert (found["label_equivalents"] > 2400).all()
    these = estimated(frame, continuous="all_human", population=THESE).loc["(all)"].loc[names]
    assert (these["se"] < 0.1 * these["classical_se"]).all()


@pytest.mark.long
def test_pure_noise_costs_no_more_than_one_percent():
    """The squared error over many draws, of the mean of human scores, with two noisy proxies."""
    rng, size, n = np.random.default_rng(5), 600, 100
    errors = []
    for _ in range(1500):
        human, noise = np.rint(rng.normal(3.5, 1, size)), rng.normal(size=(size, 2))
        scored = np.arange(size) < n
        points, own, everyone = cross_fitted_scores(
            score_basis(noise, LABELS), scored, human[scored], np.ones(n)
        )
        means = mean_only(human[scored], own @ points, (everyone @ points).mean())
        row = augmented_estimates(means, Design(np.ones(n), n / size, size), THESE, 0.95).iloc[0]
        errors.append((row["estimate"] - human.mean(), row["classical"] - human.mean()))
    augmented, classical = (np.array(errors) ** 2).mean(axis=0)
    assert augmented < 1.01 * classical


def test_good_machines_make_the_mean_more_precise_and_the_interval_covers_it():
    frame = essays(2000)
    rows = []
    for seed in range(30):
        table = estimated(drawn(frame, 100, seed), population=THESE, proxies=["second"])
        rows.append(table.loc[("(all)", "mean_human")])
    table, truth = pd.DataFrame(rows), frame["all_human"].mean()
    squared = ((table[["estimate", "classical"]].astype(float) - truth) ** 2).mean()
    assert squared["estimate"] < 0.5 * squared["classical"]
    assert ((table["low"] <= truth) & (truth <= table["high"])).mean() >= 0.8
    assert table["label_equivalents"].astype(float).median() > 200


def test_predictions_never_saw_the_score_of_their_essay():
    """The closed form is what fitting without the essay gives."""
    frame = drawn(essays(80), 30)
    scored = frame["human"].notna().to_numpy()
    basis = score_basis(frame[["continuous", "second"]].to_numpy(), LABELS, frame[["group"]])
    human, weights = frame["human"].dropna().to_numpy(), np.linspace(0.5, 1.5, 30)
    points, own, everyone = cross_fitted_scores(basis, scored, human, weights)
    x, y = np.column_stack([np.ones(80), basis]), (human[:, None] == points).astype(float)
    penalty = np.diag([0.0] + [1.0] * basis.shape[1])
    models = []
    for left_out in range(30):
        kept = np.arange(30) != left_out
        at, w = x[scored][kept], weights[kept][:, None]
        models.append(np.linalg.solve(at.T @ (w * at) + penalty, at.T @ (w * y[kept])))
    expected = [row @ model for row, model in zip(x[scored], models, strict=True)]
    assert own == pytest.approx(np.array(expected))
    assert everyone == pytest.approx(x @ np.average(models, axis=0, weights=weights))
    assert everyone.sum(axis=1) == pytest.approx(1)


def test_a_group_aware_draw_is_not_biased_where_ignoring_it_is():
    frame = essays(2500, seed=8)
    frame["p"] = np.where(frame["group"] == "a", 0.20, 0.03)
    found = []
    for seed in range(25):
        chosen = np.random.default_rng(seed).random(2500) < frame["p"]
        sample = frame.assign(human=frame["all_human"].where(chosen), flat=frame["noise"])
        weighted, naive = (
            prediction_powered(sample, machine="flat", labels=LABELS, **option).iloc[0]
            for option in ({"probability": "p"}, {})
        )
        found.append((weighted["estimate"], naive["estimate"]))
    gap = np.mean(found, axis=0) - frame["all_human"].mean()
    error = np.std(found, axis=0, ddof=1) / np.sqrt(25)
    assert abs(gap[0]) < 3 * error[0]
    assert gap[1] < -5 * error[1]


def test_small_and_constant_groups():
    frame = drawn(essays(400), 60)
    frame["group"] = frame["group"].where(frame.index > 2, "few")
    frame.loc[:2, "human"] = np.nan
    table = estimated(frame, "group")
    assert table.loc["few", "n"].eq(0).all() and table.loc["few", "n_all"].eq(3).all()
    assert table.loc["few", "estimate"].isna().all()
    same = frame.assign(human=frame["human"].where(frame["human"].isna(), 3.0), machine=3.0)
    table = estimated(same).loc["(all)"]
    assert np.isnan(table.loc["qwk", "estimate"])
    assert table.loc["exact", "estimate"] == pytest.approx(1)
    assert table.loc["exact", "low"] < 0.99 and table.loc["exact", "high"] == pytest.approx(1)
    assert table.loc["share_3", "low"] > 0.8


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"proxies": ["third"]}, "third are not in the frame"),
        ({"machine": np.nan}, {}, "400 essays lack a machine score"),
        ({"human": np.nan}, {}, "0 essays have a human score"),
        ({"human": 3.3}, {}, "not on the scale"),
        ({"p": 0.0}, {"probability": "p"}, "above 0 and at most 1"),
        ({"p": np.nan}, {"probability": "p"}, "missing or infinite"),
    ],
)
def test_faults_are_named(change, options, message):
    with pytest.raises(ValueError, match=message):
        estimated(drawn(essays(400), 60).assign(**change), **options)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_ppi_py_has_the_same_mean_and_interval():
    """Angelopoulos and others' own library, with its weight that minimizes the variance."""
    ppi_py = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(2)
    for n, size, error in ((100, 1000, 0.5), (300, 3000, 1.0), (300, 900, 2.0)):
        y = rng.normal(3.5, 1, size)
        predicted = y + rng.normal(0, error, size)
        parts = y[:n], predicted[:n], predicted[n:]
        means = mean_only(*parts[:2], predicted.mean())
        row = augmented_estimates(means, Design(np.ones(n), n / size, size), NEW, 0.95).iloc[0]
        estimate = ppi_py.ppi_mean_pointestimate(*parts)
        low, high = (limit[0] for limit in ppi_py.ppi_mean_ci(*parts, alpha=0.05))
        assert row["estimate"] == pytest.approx(estimate[0], abs=0.05 * row["se"])
        assert row["high"] - row["low"] == pytest.approx(high - low, rel=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_bootstrap_of_ppi_py_agrees_on_kappa():
    """Its prediction-powered bootstrap of QWK, which has no influence functions."""
    ppi_py = pytest.importorskip("ppi_py")
    frame = drawn(essays(3000), 400)
    scored = frame["human"].notna().to_numpy()
    points, own, everyone = cross_fitted_scores(
        score_basis(frame[["continuous"]].to_numpy(), LABELS),
        scored,
        frame["human"].dropna().to_numpy(),
        np.ones(400),
    )

    def kappa(m: np.ndarray, h: np.ndarray) -> float:
        gap = m.mean() - h.mean()
        return 2 * np.cov(h, m, ddof=0)[0, 1] / (h.var() + m.var() + gap**2)

    machine = frame["machine"].to_numpy()
    low, high = ppi_py.ppboot(
        kappa, frame["human"].dropna().to_numpy(), own @ points, (everyone @ points)[~scored],
        X=machine[scored], X_unlabeled=machine[~scored], alpha=0.05, n_resamples=1000,
    )  # fmt: skip
    row = estimated(frame).loc[("(all)", "qwk")]
    assert (low + high) / 2 == pytest.approx(row["estimate"], abs=row["se"])
    assert high - low == pytest.approx(row["high"] - row["low"], rel=0.25)
