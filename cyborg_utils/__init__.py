"""Helpers of the Cyborg Data study: merging human with AI generated training data.

docs/architecture.md lists the modules. Nothing is imported here, so that
`import cyborg_utils` is quick.
"""

__version__ = "0.1.0"
