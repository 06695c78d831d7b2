"""Running a study: checks beforehand, Snakemake, recovery; a study from one's own CSV."""
