"""Every key of a study's YAML, with its type, its bounds and its default."""
