"""Essays: reading, validation, splits, sampling, simulation.

`loaders.load_corpus` returns a study's corpus, read by `table_files.open_table` or
`dataset_loader.read_splits` and checked by `validation.check_corpus`; `sampling.draw_subset` draws
the subset U, `simulation.generator.simulate_corpus` simulates essays.
"""
