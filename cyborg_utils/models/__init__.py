"""Scorers: causal, encoder, embedding, classical and stacked models, as Teacher or Student.

`registry.train_scorer` and `registry.load_scorer` return a `scorer.Scorer` of any kind, `causal`,
`encoder`, `embedding`, `classical` or `stacked`, with its `linking` to the human scale;
`saved_model.save_student` and `saved_model.load_student` write and read a Student with its model
card; `pretraining.pretrain` makes a base model.
"""
