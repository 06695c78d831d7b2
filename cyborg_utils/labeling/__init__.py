"""Cyborg data: a Teacher's scores merged with human scores, and pseudo-label strategies.

`sharding.score_in_shards` scores essays with a Teacher, `ledger.build_ledger` merges its scores
with the human ones, `strategies.apply_strategy` makes a Student's training labels from them,
`export.export_cyborg_data` writes the result as a dataset.
"""
