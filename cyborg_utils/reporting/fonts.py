"""Fonts of this machine that have the letters of a figure."""

from __future__ import annotations

from functools import cache

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.text import Text

FAMILIES = "font.sans-serif"  # the key of matplotlib's settings
PLACEHOLDER = "Last Resort"  # a font that draws a box for every letter


def fonts_for(figure: plt.Figure) -> tuple[list[str], str]:
    """The families in which a figure is drawn, and the letters that no font of this machine has.

    Families are added to matplotlib's own only where these lack letters.
    """
    families, missing = list(plt.rcParams[FAMILIES]), _letters(figure) - _characters(_default())
    while missing:
        best = max(_fonts(), key=lambda name: len(missing & _characters(_fonts()[name])))
        covered = missing & _characters(_fonts()[best])
        if not covered:
            break
        families.append(best)
        missing -= covered
    return families, "".join(map(chr, sorted(missing)))


def _letters(figure: plt.Figure) -> set[int]:
    """The code points of all texts of a figure that can be seen."""
    for axes in figure.axes:  # labels of ticks are made when they are asked for
        axes.get_xticklabels(), axes.get_yticklabels()
    texts = "".join(text.get_text() for text in figure.findobj(Text))
    return {ord(letter) for letter in texts if letter.isprintable()}


def _default() -> str:
    return font_manager.findfont(font_manager.FontProperties())


@cache
def _fonts() -> dict[str, str]:
    """A file of each family, in the order of their names."""
    fonts = [
        font
        for font in font_manager.fontManager.ttflist
        if font.style == "normal" and PLACEHOLDER not in font.name
    ]
    fonts.sort(key=lambda font: (font.name, abs(int(font.weight) - 400), font.fname))
    files: dict[str, str] = {}
    for font in fonts:
        files.setdefault(font.name, font.fname)
    return files


@cache
def _characters(file: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(file).get_charmap())
