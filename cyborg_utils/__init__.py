"""Helpers of the Cyborg Data study: merging human with AI generated training data.

Each module is one room; README.md lists them. Nothing is imported here, so that
`import cyborg_utils` is quick.
"""

__version__ = "0.1.0"
