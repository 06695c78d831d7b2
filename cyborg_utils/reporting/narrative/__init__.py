"""Findings in sentences, by page."""
