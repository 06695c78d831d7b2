"""What the runs of a study show: agreement, subgroups, comparisons, audits."""
