"""The simulated corpus: essays whose true scores and planted bias are known.

`generator.simulate_corpus` draws writers and scores, `composer.compose` writes one essay,
`phrases.load_prompts` has the words.
"""
