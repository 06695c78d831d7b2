"""Statistics of human and machine scores, for anyone who evaluates automated scoring.

Agreement (kappa, intervals, comparisons of machines, non-inferiority), error by score point and at
cut scores, fairness by group (SMD, DSM, equivalence verdicts, conditional bias), agreement with the
true score (PRMSE) and with an external criterion, sampling weights, estimates from few human scores
and machine scores of all essays (prediction-powered), calibration to the human scale, and contrasts
of arms that were trained with several draws and seeds. They work on arrays and pandas frames and
need only NumPy, pandas, SciPy and statsmodels:

>>> from cyborg_utils.statistics import quadratic_weighted_kappa
>>> quadratic_weighted_kappa([1, 2, 3, 4], [1, 2, 4, 4], labels=range(1, 7))
0.9166666666666666
"""

from cyborg_utils.statistics.accuracy import continuous_accuracy, unweighted_kappa
from cyborg_utils.statistics.adjudication import adjudication_rate, proportion_interval
from cyborg_utils.statistics.agreement import (
    agreement_rates,
    bootstrap_agreement,
    compare_machines,
    concordance,
    correlation,
    estimate_agreement,
    non_inferiority,
    quadratic_weighted_kappa,
    sd_ratio,
)
from cyborg_utils.statistics.calibration import fit_calibration, linear_equating
from cyborg_utils.statistics.conditional_bias import conditional_bias
from cyborg_utils.statistics.contrasts import arm_table, compare_arms, equivalent_labels, retention
from cyborg_utils.statistics.cut_scores import classification_at_cuts
from cyborg_utils.statistics.external_criterion import criterion_correlations, matched_difference
from cyborg_utils.statistics.fairness import group_differences, group_report
from cyborg_utils.statistics.human_agreement import human_human_comparison
from cyborg_utils.statistics.hypothesis_tests import (
    Verdict,
    benjamini_hochberg,
    equivalence_verdict,
    essays_needed,
    holm,
)
from cyborg_utils.statistics.prediction_powered import prediction_powered
from cyborg_utils.statistics.prmse import prmse, prmse_interval
from cyborg_utils.statistics.replications import resample_runs, runs_from_frame
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.score_points import confusion_matrix, error_by_score
from cyborg_utils.statistics.standardized_differences import (
    difference_of_standardized_means,
    dsm_with_error,
    smd_with_error,
    standardized_mean_difference,
)
from cyborg_utils.statistics.weighting import (
    design_effect,
    effective_n,
    inverse_probability_weights,
)

__all__ = [
    "Verdict",
    "adjudication_rate",
    "agreement_rates",
    "arm_table",
    "benjamini_hochberg",
    "bootstrap_agreement",
    "classification_at_cuts",
    "compare_arms",
    "compare_machines",
    "concordance",
    "conditional_bias",
    "confusion_matrix",
    "continuous_accuracy",
    "correlation",
    "criterion_correlations",
    "design_effect",
    "difference_of_standardized_means",
    "dsm_with_error",
    "effective_n",
    "equivalence_verdict",
    "equivalent_labels",
    "error_by_score",
    "essays_needed",
    "estimate_agreement",
    "fit_calibration",
    "group_differences",
    "group_report",
    "holm",
    "human_human_comparison",
    "inverse_probability_weights",
    "linear_equating",
    "matched_difference",
    "non_inferiority",
    "prediction_powered",
    "prmse",
    "prmse_interval",
    "proportion_interval",
    "quadratic_weighted_kappa",
    "resample_runs",
    "retention",
    "round_to_scale",
    "runs_from_frame",
    "sd_ratio",
    "smd_with_error",
    "standardized_mean_difference",
    "unweighted_kappa",
]
