"""Escapes text of user-supplied files where a report shows it as Markdown."""

from __future__ import annotations

import html
import re

SIGNS = str.maketrans({sign: f"&#{ord(sign)};" for sign in "[]*_`$\\~|"})


def as_text(value: str) -> str:
    """A name or a title, escaped so that Markdown and HTML show it literally."""
    return " ".join(html.escape(str(value), quote=False).translate(SIGNS).split())


def as_markdown(text: str) -> str:
    """Prose in which Markdown is rendered, but no HTML, no image, and no link except to a web
    page or to a file next to the report."""
    text = text.replace("<", "&lt;").replace("![", "!&#91;").replace("]:", "]&#58;")
    return re.sub(r"\]\((?!\s*(?:https?://|#|[\w./-]+\s*\)))", "]&#40;", text)
