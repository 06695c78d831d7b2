"""Statistics of human and machine scores: agreement, bias, inference. NumPy, pandas, SciPy and
statsmodels alone."""
