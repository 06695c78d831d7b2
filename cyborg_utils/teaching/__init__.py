"""The opening lesson, the workshop's copies, and precomputed results."""
