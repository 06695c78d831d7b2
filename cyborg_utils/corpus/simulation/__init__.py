"""The simulated corpus: essays whose true scores and planted bias are known."""
