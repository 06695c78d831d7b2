"""The simulated corpus: essays whose true scores and planted bias are known.

`generator.simulate_corpus` draws examinees and scores, `composer.compose` writes one essay,
`phrases` has the words.
"""
