"""Scorers: loaded, trained, saved. Causal, encoder and classical ones, as Teacher or Student."""
