"""Scoring by hand: which essays are drawn, with what probability, and the sheets of the raters.

`drawing` draws essays whose probabilities `group_targets` finds, `clusters` essays that are unlike
each other; `ledger` keeps what was drawn, and `sheets` writes what raters fill in.
"""
