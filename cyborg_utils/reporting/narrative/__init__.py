"""Findings in sentences, by page.

`corpus` (01), `fairness` (05), `questions` (05b to 05h), `findings` (06) and `no_test` (06b).
"""
