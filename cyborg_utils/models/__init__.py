"""Scorers: loaded, trained, saved. Causal, encoder and classical ones, as Teacher or Student.

`registry.train_scorer` and `registry.load_scorer` give a `scorer.Scorer` of any kind, `causal`,
`encoder` or `classical`; `saved_model.save_student` and `saved_model.load_student` keep one for
others; `pretraining.pretrain` makes a base model.
"""
