"""Running a study: checks beforehand, Snakemake, recovery; a study from one's own table.

`runner.run_study` runs a study, `preflight.check_study` checks the requirements on a machine,
`rehearsal.write_rehearsal` gives it random weights. `new_study.write_study` makes a study of
essays, `evaluate_scores.write_evaluation` one of scores; `score_essays.score_file` scores essays.
"""
