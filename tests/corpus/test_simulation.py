"""The simulated corpus: its schema, its known truth, and its planted bias."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.metrics import cohen_kappa_score

from cyborg_utils.corpus.simulation import generator
from cyborg_utils.corpus.simulation.generator import (
    COLUMNS,
    PLANTED_GROUP,
    TRAIT_WEIGHTS,
    TRUE_SHARES,
    marker_rate,
    simulate_corpus,
    simulate_unscored,
)
from cyborg_utils.corpus.simulation.phrases import DISAGREE, LEXICON, SLOTS, load_prompts
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict, conditional_bias
from cyborg_utils.statistics.prmse import prmse_interval

CODES = {
    "gender": {"F", "M"},
    "race_ethnicity": {
        "White",
        "Hispanic/Latino",
        "Black/African American",
        "Two or more races/Other",
        "Asian/Pacific Islander",
        "American Indian/Alaskan Native",
    },
    "ell_status": {"Yes", "No"},
    "economically_disadvantaged": {
        "Economically disadvantaged",
        "Not economically disadvantaged",
    },
    "student_disability_status": {
        "Identified as having disability",
        "Not identified as having disability",
    },
}


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    return simulate_corpus(5000, seed=21)


@pytest.fixture(scope="module")
def unplanted() -> pd.DataFrame:
    return simulate_corpus(5000, seed=21, planted_bias=0.0)


def word_counts(texts: pd.Series) -> np.ndarray:
    return texts.str.split().str.len().to_numpy()


def ridge_scores(train: pd.DataFrame, test: pd.DataFrame) -> np.ndarray:
    """Score by tf-idf of one and two words, log length, and ridge."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    words = vectorizer.fit_transform(train.text), vectorizer.transform(test.text)
    lengths = [np.log(word_counts(frame.text)) for frame in (train, test)]
    center, spread = lengths[0].mean(), lengths[0].std()
    x, new = (
        sparse.hstack([w, sparse.csr_matrix(((n - center) / spread)[:, None])]).tocsr()
        for w, n in zip(words, lengths, strict=True)
    )
    return Ridge(alpha=1.0).fit(x, train.score).predict(new)


def quadratic_kappa(human: pd.Series, machine: np.ndarray) -> float:
    rounded = np.clip(np.rint(machine), 1, 6).astype(int)
    return cohen_kappa_score(human, rounded, labels=range(1, 7), weights="quadratic")


def in_group(frame: pd.DataFrame) -> pd.Series:
    return frame[PLANTED_GROUP[0]] == PLANTED_GROUP[1]


def difference_at_equal_true_score(frame: pd.DataFrame, machine: np.ndarray) -> float:
    """Mean machine score of the planted group minus the rest, within strata of the true score."""
    cells = (
        frame.assign(machine=machine, member=in_group(frame))
        .groupby(["true_score", "member"])
        .machine.agg(["mean", "size"])
        .unstack()
        .dropna()
    )
    gap = cells["mean"][True] - cells["mean"][False]
    return float(np.average(gap, weights=cells["size"][True]))


def standardized_difference(human: pd.Series, machine: np.ndarray) -> float:
    pooled = np.sqrt((human.var() + machine.var(ddof=1)) / 2)
    return float((machine.mean() - human.mean()) / pooled)


def test_same_arguments_same_bytes_and_a_shorter_corpus_is_a_prefix():
    first, second = (simulate_corpus(60, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(simulate_corpus(20, seed=3), first.head(20))
    assert not set(first.text) & set(simulate_corpus(60, seed=4).text)


def test_ids_and_texts_are_unique_across_seeds_and_without_scores(corpus):
    frames = [corpus, simulate_corpus(500, seed=22), simulate_corpus(500, seed=2)]
    frames += [simulate_unscored(500, seed=seed) for seed in (2, 21)]
    everything = pd.concat(frames)
    assert everything.essay_id.is_unique
    assert everything.text.is_unique
    assert everything.essay_id.str.startswith("SIM-").all()


def test_unscored_essays_have_no_score():
    frame = simulate_unscored(30, seed=1, n_prompts=2)
    hidden = {"score", "score_2", "true_score", "proficiency"}
    assert list(frame.columns) == [name for name in COLUMNS if name not in hidden]


@settings(max_examples=25, deadline=None)
@given(
    n_essays=st.integers(0, 25),
    seed=st.integers(0, 2**40),
    low=st.integers(0, 3),
    width=st.integers(1, 9),
    n_prompts=st.integers(1, 6),
    planted_bias=st.floats(0, 1),
)
def test_schema_holds_for_any_arguments(n_essays, seed, low, width, n_prompts, planted_bias):
    frame = simulate_corpus(n_essays, seed, (low, low + width), n_prompts, planted_bias)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == n_essays
    assert frame.essay_id.is_unique
    assert not frame.isna().any().any()
    for name in ("score", "score_2", "true_score"):
        assert frame[name].dtype == "int64"
        assert frame[name].between(low, low + width).all()
    for name, codes in CODES.items():
        assert set(frame[name]) <= codes
    assert set(frame.prompt) <= {p.name for p in load_prompts()[:n_prompts]}
    for text in frame.text:
        assert text == text.strip() and 25 <= len(text.split()) <= 320
        assert not re.search(r"[<>{}~]|  |\n\n\n", text)


@pytest.mark.parametrize(
    "bad",
    [
        {"n_essays": -1},
        {"seed": -1},
        {"scale": (3, 3)},
        {"n_prompts": 0},
        {"n_prompts": 7},
        {"planted_bias": 1.5},
        {"traits": ("style",)},
    ],
)
def test_arguments_outside_their_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        simulate_corpus(**({"n_essays": 2, "seed": 0} | bad))


def test_phrases_use_only_known_marks():
    for prompt in load_prompts():
        assert len(prompt.sides) == 2
        for side in prompt.sides:
            for reason in side.reasons:
                for clause in (reason.claim, reason.again, *reason.support, *reason.example):
                    assert set(re.findall(r"<(\w+)>", clause)) <= set(LEXICON)
                    assert set(re.findall(r"\{(\w+)\}", clause)) <= set(SLOTS)
    assert all(word != other for word, other in DISAGREE.items())


def test_marginals_are_those_of_the_population(corpus):
    shares = corpus.true_score.value_counts(normalize=True).reindex(range(1, 7))
    assert np.abs(shares.to_numpy() - TRUE_SHARES).max() < 0.025
    assert corpus.proficiency.mean() == pytest.approx(0, abs=0.05)
    assert corpus.proficiency.std() == pytest.approx(1, abs=0.05)
    assert in_group(corpus).mean() == pytest.approx(0.09, abs=0.02)
    assert corpus.prompt.value_counts(normalize=True).between(0.2, 0.3).all()


def test_raters_agree_as_human_raters_do(corpus):
    kappa = cohen_kappa_score(corpus.score, corpus.score_2, weights="quadratic")
    assert 0.72 <= kappa <= 0.78
    assert abs(corpus.score.mean() - corpus.true_score.mean()) < 0.05


def test_length_is_a_sign_of_the_score_and_not_the_score(corpus):
    counts = word_counts(corpus.text)
    assert 120 <= counts.mean() <= 145
    assert 0.55 <= np.corrcoef(counts, corpus.score)[0, 1] <= 0.70


def test_groups_differ_in_proficiency(corpus):
    def gap(column: str, code: str) -> float:
        member = corpus[column] == code
        return corpus.proficiency[member].mean() - corpus.proficiency[~member].mean()

    assert -1.0 < gap("ell_status", "Yes") < -0.4
    assert -0.8 < gap("student_disability_status", "Identified as having disability") < -0.4
    assert -0.7 < gap("economically_disadvantaged", "Economically disadvantaged") < -0.25
    assert 0.05 < gap("gender", "F") < 0.3


def test_a_classical_scorer_needs_labels(corpus):
    test = corpus[3000:]
    few = [ridge_scores(corpus[at : at + 200], test) for at in (0, 1000, 2000)]
    few_kappa = np.mean([quadratic_kappa(test.score, machine) for machine in few])
    many_kappa = quadratic_kappa(test.score, ridge_scores(corpus[:2000], test))
    assert 0.50 <= few_kappa <= 0.65
    assert 0.66 <= many_kappa <= 0.75
    assert many_kappa - few_kappa > 0.05


def test_planting_changes_the_group_texts_by_the_marker_alone(corpus, unplanted):
    same = [name for name in COLUMNS if name != "text"]
    pd.testing.assert_frame_equal(corpus[same], unplanted[same])
    changed = corpus.text != unplanted.text
    assert not changed[~in_group(corpus)].any()
    assert changed[in_group(corpus)].mean() > 0.9

    def unmarked(text: str) -> list[str]:
        return re.sub(r"\b(and|also|so|very|really)\b", " ", text.lower()).split()

    for planted, plain in zip(corpus.text[changed], unplanted.text[changed], strict=True):
        assert unmarked(planted) == unmarked(plain)


def test_the_marker_falls_with_proficiency_except_in_the_group():
    others = [marker_rate(p, in_group=False, planted_bias=1.0) for p in (-2, -1, 0, 1)]
    assert others == sorted(others, reverse=True) and others[0] > 3 * others[-1]
    assert {marker_rate(p, True, 1.0) for p in (-2, 0, 2)} == {generator.PLANTED_RATE}
    assert marker_rate(0.5, True, 0.0) == marker_rate(0.5, False, 0.0)


def test_raters_ignore_the_marker(corpus):
    doubled = corpus.text.str.count(r"(?i)\b(very very|really really)\b")
    openers = corpus.text.str.count(r"(?:^|[.\n] ?)(?:And|Also|So)\b")
    rate = (doubled + openers) / word_counts(corpus.text)
    member = in_group(corpus)
    assert rate[member].mean() > 2 * rate[~member].mean()
    assert stats.pearsonr(rate[~member], corpus.score[~member]).statistic < -0.3
    # In the group the habit does not depend on proficiency, so chance alone moves the rate.
    # Elsewhere it also tells where within its true score an essay lies.
    for rater in ("score", "score_2"):
        error = corpus[rater] - corpus.true_score
        fit = stats.linregress(rate[member], error[member])
        assert abs(fit.slope) < 3 * fit.stderr


def test_a_trained_scorer_punishes_the_planted_group(corpus, unplanted):
    gaps, smds, verdicts = {}, {}, {}
    for strength, train in ((1.0, corpus), (0.0, unplanted)):
        test = simulate_corpus(5000, seed=77, planted_bias=strength)
        machine = ridge_scores(train[:4000], test)
        member = in_group(test).to_numpy()
        gaps[strength] = difference_at_equal_true_score(test, machine)
        smds[strength] = standardized_difference(test.score[member], machine[member])
        result = conditional_bias(
            test.score, machine, test[PLANTED_GROUP[0]], second_rating=test.score_2
        )
        verdicts[strength] = result.verdicts.iloc[0]
    assert gaps[1.0] < -0.2
    assert gaps[1.0] - gaps[0.0] < -0.15
    assert smds[1.0] < -0.05
    assert smds[1.0] - smds[0.0] < -0.12
    assert verdicts[1.0]["verdict"] == ConditionalVerdict.TOO_LOW
    assert verdicts[1.0]["high"] < verdicts[0.0]["low"]


def test_traits_change_nothing_else_nor_each_other():
    plain, some = (simulate_corpus(60, seed=3, traits=t) for t in ((), ("variety",)))
    whole = simulate_corpus(60, seed=3, traits=tuple(TRAIT_WEIGHTS))
    pd.testing.assert_frame_equal(whole[list(COLUMNS)], plain)
    pd.testing.assert_frame_equal(whole[list(some)], some)
    marks = [c for name in TRAIT_WEIGHTS for c in (name, f"true_{name}")]
    assert whole.columns.tolist() == [*COLUMNS, *marks]
    assert all(whole[c].dtype == "int64" and whole[c].between(1, 6).all() for c in marks)


def test_a_rater_sees_traits_with_noise_that_shares_a_halo():
    rng = np.random.default_rng(4)
    traits = dict.fromkeys(TRAIT_WEIGHTS, 0.3)
    holistic = rng.standard_normal(4000)
    seen = pd.DataFrame([generator._rated_traits(rng, traits, error) for error in holistic])
    assert np.allclose(seen.mean(), 0.3, atol=0.04)
    assert np.allclose(seen.std(), generator.RATER_NOISE, atol=0.02)
    assert np.allclose(seen.corrwith(pd.Series(holistic)), generator.HALO, atol=0.05)


def test_trait_scores_are_those_of_the_first_rater():
    frame = simulate_corpus(3000, seed=8, traits=tuple(TRAIT_WEIGHTS))
    first, second = (frame[rater] - frame.true_score for rater in ("score", "score_2"))
    for trait in TRAIT_WEIGHTS:
        shares = frame[f"true_{trait}"].value_counts(normalize=True).reindex(range(1, 7))
        assert np.abs(shares.to_numpy() - TRUE_SHARES).max() < 0.03
        error = frame[trait] - frame[f"true_{trait}"]
        assert error.corr(first) > 0.2  # the rounding of both hides some of the halo
        assert abs(error.corr(second)) < 0.08
    true = frame[[f"true_{trait}" for trait in TRAIT_WEIGHTS]].corrwith(frame.true_score)
    assert true.idxmax() == "true_relevance" and true.min() > 0.5


def test_prmse_recovers_what_the_corpus_knows(corpus):
    """Of the true score rounded to the scale, and of it with an error added."""
    cuts = generator._cut_points(6)
    quality = np.linspace(-6, 6, 20_001)
    weight = stats.norm.pdf(quality) / stats.norm.pdf(quality).sum()
    above = stats.norm.sf((cuts[:, None] - quality) / generator.RATER_NOISE)
    expected_rating, rounded = 1 + above.sum(axis=0), 1 + np.searchsorted(cuts, quality)
    mean = (weight * expected_rating).sum()
    variance = (weight * (expected_rating - mean) ** 2).sum()
    error = (weight * (expected_rating - rounded) ** 2).sum()
    noise = np.random.default_rng(5).normal(0, 0.5, len(corpus))
    for machine, more in ((corpus.true_score, 0.0), (corpus.true_score + noise, 0.25)):
        result = prmse_interval(corpus[["score", "score_2"]], machine)
        truth = 1 - (error + more) / variance
        assert abs(result["prmse"] - truth) < 3 * result["se"] < 0.05
