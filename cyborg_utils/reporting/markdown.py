"""What people wrote into a file, made harmless where a report shows it as Markdown."""

from __future__ import annotations

import html
import re

SIGNS = str.maketrans({sign: f"&#{ord(sign)};" for sign in "[]*_`$\\~|"})


def as_text(value: str) -> str:
    """A name or a title that Markdown and HTML show letter for letter."""
    return " ".join(html.escape(str(value), quote=False).translate(SIGNS).split())


def as_markdown(text: str) -> str:
    """Prose in which Markdown counts, but no HTML, no picture, and no link but to a web page or to
    a file beside the report."""
    text = text.replace("<", "&lt;").replace("![", "!&#91;").replace("]:", "]&#58;")
    return re.sub(r"\]\((?!\s*(?:https?://|#|[\w./-]+\s*\)))", "]&#40;", text)
