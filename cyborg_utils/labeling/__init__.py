"""Cyborg data: a Teacher's scores merged with the human ones, and how a Student uses them.

`sharding.score_in_shards` scores the essays of a Teacher, `ledger.build_ledger` merges its scores
with the human ones, `strategies.apply_strategy` says what a Student learns from them,
`export.export_cyborg_data` writes the result as a dataset.
"""
