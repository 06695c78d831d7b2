"""Running a study: checks beforehand, Snakemake, recovery; a study from one's own CSV.

`runner.run_study` runs a study, `preflight.check_study` says what a machine lacks for it,
`rehearsal.write_rehearsal` gives it random weights. `new_study.write_study` makes a study of
essays, `evaluate_scores.write_evaluation` one of scores; `score_essays.score_file` scores essays.
"""
