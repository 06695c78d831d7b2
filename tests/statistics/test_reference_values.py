"""The reference values of the study's statistics, on the published predictions of six models."""

import numpy as np
import pandas as pd
import pytest
from reference_data import PREDICTIONS

from cyborg_utils.statistics.accuracy import continuous_accuracy
from cyborg_utils.statistics.agreement import (
    agreement_rates,
    bootstrap_agreement,
    compare_machines,
    quadratic_weighted_kappa,
)
from cyborg_utils.statistics.bootstrap import InferenceTo
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict, conditional_bias
from cyborg_utils.statistics.cut_scores import classification_at_cuts
from cyborg_utils.statistics.fairness import group_report
from cyborg_utils.statistics.hypothesis_tests import Verdict, essays_needed
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.score_points import confusion_matrix, error_by_score
from cyborg_utils.statistics.standardized_differences import (
    difference_of_standardized_means,
    dsm_with_error,
    standardized_mean_difference,
)

LABELS = range(1, 7)
HUMAN = "holistic_essay_score"

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.skipif(
        not PREDICTIONS.exists(),
        reason="the published predictions are not in ../shared/data; CYBORG_DATA can name a folder",
    ),
]


@pytest.fixture(scope="module")
def frame():
    table = pd.read_csv(PREDICTIONS)
    return table.assign(machine=round_to_scale(table["longformer"], LABELS))


@pytest.fixture(scope="module")
def ell(frame):
    return frame[frame["ell_status"] == "Yes"]


def test_agreement_of_longformer(frame):
    assert len(frame) == 10_402
    rates = 100 * agreement_rates(frame[HUMAN], frame["machine"])
    assert rates["exact"] == pytest.approx(64.776, abs=5e-4)
    assert rates["adjacent"] == pytest.approx(99.058, abs=5e-4)
    smd = standardized_mean_difference(frame[HUMAN], frame["machine"], "human")
    assert smd == pytest.approx(-0.0050, abs=5e-5)


@pytest.mark.parametrize(
    ("model", "kappa"),
    [
        ("longformer", 0.8365),
        ("xlnet", 0.8318),
        ("roberta", 0.7994),
        ("roberta_grl", 0.8133),
        ("longformer_grl", 0.8653),
    ],
)
def test_kappa_of_the_models(frame, model, kappa):
    rounded = round_to_scale(frame[model], LABELS)
    assert quadratic_weighted_kappa(frame[HUMAN], rounded, LABELS) == pytest.approx(kappa, abs=5e-5)


@pytest.mark.parametrize(
    ("denominator", "smd"),
    [
        ("human", 0.1194),
        ("pooled", 0.1296),
        ("human_population", 0.0997),
        ("pooled_population", 0.1064),
    ],
)
def test_four_denominators_for_english_learners(frame, ell, denominator, smd):
    result = standardized_mean_difference(
        ell[HUMAN], ell["machine"], denominator, frame[HUMAN], frame["machine"]
    )
    assert result == pytest.approx(smd, abs=5e-5)


def test_english_learners(frame, ell):
    assert len(ell) == 914
    kappa = quadratic_weighted_kappa(ell[HUMAN], ell["machine"], LABELS)
    assert kappa == pytest.approx(0.7519, abs=5e-5)
    dsm = difference_of_standardized_means(
        ell[HUMAN], ell["machine"], frame[HUMAN], frame["machine"]
    )
    assert dsm == pytest.approx(0.0424, abs=5e-5)


def test_dsm_of_continuous_scores_is_that_of_rsmtool(frame):
    """RSMTool 12: English learners +0.0171 on the trimmed continuous scores."""
    trimmed = frame["longformer"].clip(0.5002, 6.4998)
    dsm, se = dsm_with_error(frame[HUMAN], trimmed, frame["ell_status"] == "Yes")
    assert dsm == pytest.approx(0.0171, abs=5e-5)
    assert 0.01 < se < 0.02


def test_agreement_is_that_of_rsmtool_to_six_digits(frame):
    """RSMTool 12's evaluation of `longformer`, on all 10,402 essays."""
    scores = frame[HUMAN], frame["machine"]
    assert quadratic_weighted_kappa(*scores, LABELS) == pytest.approx(0.836482, abs=1e-6)
    rates = agreement_rates(*scores)
    assert rates.tolist() == pytest.approx([0.647760, 0.990579], abs=1e-6)
    trimmed = frame["longformer"].clip(0.5002, 6.4998)
    accuracy = continuous_accuracy(frame[HUMAN], trimmed).set_index("statistic")["estimate"]
    assert accuracy["correlation"] == pytest.approx(0.881304, abs=1e-6)


def test_the_machine_avoids_both_ends_of_the_scale(frame):
    """What the overall criteria, all of them met, do not show."""
    points = error_by_score(frame[HUMAN], frame["machine"], LABELS)
    at = points.set_index(["score", "statistic"])["estimate"]
    assert at[6, "mean_machine"] == pytest.approx(5.24, abs=0.005)
    assert at[6, "exact"] == pytest.approx(0.276, abs=5e-4)
    assert at[1, "exact"] == pytest.approx(0.153, abs=5e-4)
    counts = confusion_matrix(frame[HUMAN], frame["machine"], LABELS)
    assert counts.loc[6, 6] / counts.loc[6].sum() == pytest.approx(at[6, "exact"])
    cuts = classification_at_cuts(frame[HUMAN], frame["machine"], [5, 6])
    cuts = cuts.set_index(["cut", "statistic"])["estimate"]
    assert [cuts[5, "cut_kappa"], cuts[6, "cut_kappa"]] == pytest.approx([0.73, 0.39], abs=0.005)
    assert [cuts[5, "sensitivity"], cuts[6, "sensitivity"]] == pytest.approx([0.69, 0.28], abs=5e-3)


def test_group_report_says_the_same(frame):
    report = group_report(frame, ["ell_status"], HUMAN, "machine", labels=LABELS)
    assert report["level"].tolist() == ["No", "Yes", "(missing)"]
    assert report["n"].tolist() == [8_984, 914, 504]
    row = report.set_index("level").loc["Yes"]
    assert row[["qwk", "smd", "dsm"]].astype(float).round(4).tolist() == [0.7519, 0.1296, 0.0424]
    assert row["verdict"] == Verdict.INCONCLUSIVE


def test_conditional_bias_of_rounded_scores(frame):
    result = conditional_bias(frame[HUMAN], frame["machine"], frame["ell_status"], reference="No")
    assert result.osa == pytest.approx(0.000369, abs=5e-7)
    assert result.osd == pytest.approx(0.003486, abs=5e-7)
    assert result.csd == pytest.approx(0.002686, abs=5e-7)


def test_the_conditional_coefficient_contradicts_the_smd(frame):
    result = conditional_bias(frame[HUMAN], frame["longformer"], frame["ell_status"])
    yes = result.coefficients.query("level == 'Yes'").set_index("reliability")["coefficient"]
    assert yes[1.0] == pytest.approx(-0.05, abs=0.01)
    assert yes[0.8] > 0.05
    verdict = result.verdicts.set_index("level").loc["Yes", "verdict"]
    assert verdict == ConditionalVerdict.DEPENDS


def test_paired_error_of_the_difference(frame):
    a = round_to_scale(frame["longformer_grl"], LABELS)
    result = compare_machines(frame[HUMAN], a, frame["machine"], LABELS)
    assert result["se"] == pytest.approx(0.00215, abs=5e-6)
    assert result["se_bootstrap"] == pytest.approx(0.00216, abs=3e-5)
    kappas = [bootstrap_agreement(frame[HUMAN], m, LABELS).loc["qwk", "se"] for m in
              (a, frame["machine"])]  # fmt: skip
    assert np.hypot(*kappas) == pytest.approx(0.0039, abs=5e-5)
    clustered = compare_machines(
        frame[HUMAN], a, frame["machine"], LABELS, cluster=frame["prompt_name"]
    )
    assert clustered["se"] == pytest.approx(0.0078, abs=5e-5)
    assert clustered["inference_to"] == InferenceTo.NEW_PROMPTS


def test_sample_sizes_of_the_equivalence_test():
    assert essays_needed(0.0, error_sd=0.51) == pytest.approx(222, abs=1)
    assert essays_needed(0.05, error_sd=0.51) == pytest.approx(641, abs=4)
