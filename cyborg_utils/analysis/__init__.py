"""Analysis of the runs of a study: agreement, subgroups, comparisons, audits.

From the frame of `predictions.collect_runs`: `agreement.agreement_by_condition`,
`measures.measures_by_condition`, `subgroups.group_bias`, `subgroups.conditional_group_bias`,
`paired.changes`, `traits.by_trait`, `calibration.compare_calibrations` and
`teacher_audit.inherited_errors`; without a test set `no_test.agreement_on_dev`. Small cells
are suppressed by `disclosure.only_shown`.
"""
