"""Every key of a study's YAML, with its type, its bounds and its default.

`study.Study` is the whole; `corpora` and `models` describe its corpus and its scorers.
"""
