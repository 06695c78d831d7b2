"""Essays: read, checked, split, sampled, or simulated.

`loaders.load_corpus` gives a study's corpus, read by `table_files.open_table` or
`dataset_loader.read_splits` and checked by `validation.check_corpus`; `sampling.draw_subset` draws
the subset U, `simulation.generator.simulate_corpus` makes essays up.
"""
