"""Cyborg data: a Teacher's scores merged with the human ones, and how a Student uses them."""
