"""Essays: read, checked, split, sampled, or simulated."""
