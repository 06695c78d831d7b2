"""The opening lesson, the workshop's copies, and precomputed results.

`concepts` and `concept_figures` are behind notebook 00; `workshop.write_copies` makes the copies
for participants and for the instructor, `precomputed.save` ships results.
"""
