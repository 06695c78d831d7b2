"""The opening tutorial, the copies for a workshop, and precomputed results.

`concepts` and `concept_figures` serve notebook 00; `workshop.write_copies` writes the copies
for participants and for the instructor, `precomputed.save` ships results.
"""
