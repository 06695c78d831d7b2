"""Running a study: checks beforehand, Snakemake, recovery; a study from one's own CSV.

`runner.run` runs a study, after `preflight.look_at`; `rehearsal.rehearsal_of` tries it with random
weights; `new_study.write_study` makes a study of a table, `score_essays.score_file` scores one.
"""
