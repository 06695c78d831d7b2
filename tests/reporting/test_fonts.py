"""Letters of any script in figures: a font that has them, or a sentence."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib import font_manager

from cyborg_utils.reporting import figures, fonts


@pytest.fixture
def shown(monkeypatch):
    """What a figure displays."""
    displayed = []
    monkeypatch.setattr(figures, "display", lambda shown, **_: displayed.append(shown))
    return displayed


def figure_of(name: str) -> plt.Figure:
    figure, axes = plt.subplots()
    axes.barh([name, "other"], [1, 2])
    return figure


def test_letters_that_the_default_font_has_change_nothing(shown):
    assert fonts.fonts_for(figure_of("Prüfung Ελλάδα"))[0] == plt.rcParams[fonts.FAMILIES]
    figures.show(figure_of("Prüfung"), "A figure.")
    assert len(shown) == 1


@pytest.mark.filterwarnings("error:Glyph")
def test_letters_that_no_font_has_are_named(shown, monkeypatch):
    default = {"DejaVu Sans": fonts._default()}
    monkeypatch.setattr(fonts, "_fonts", lambda: default)
    figures.show(figure_of("性别"), "A figure.")
    assert shown[0].data.startswith("No font of this machine has the letters 别性: ")
    assert len(shown) == 2


def test_a_font_that_has_the_letters_is_added(monkeypatch):
    characters = {"default.ttf": set(range(128)), "a.ttf": {0x6027}, "b.ttf": {0x6027, 0x522B}}
    monkeypatch.setattr(fonts, "_default", lambda: "default.ttf")
    monkeypatch.setattr(fonts, "_fonts", lambda: {"A": "a.ttf", "B": "b.ttf"})
    monkeypatch.setattr(fonts, "_characters", characters.get)
    families, missing = fonts.fonts_for(figure_of("性别"))
    assert families == [*plt.rcParams[fonts.FAMILIES], "B"]
    assert missing == ""


def test_each_family_of_this_machine_has_a_file():
    assert font_manager.get_font(fonts._fonts()["DejaVu Sans"]).get_charmap()


@pytest.mark.parametrize(("n", "labels"), [(6, 6), (16, 8), (61, 16), (101, 15)])
def test_an_axis_of_many_scores_has_few_labels(n, labels):
    figure, _ = figures.score_distribution(pd.DataFrame({"human": [1 / n] * n}), "Scores")
    assert len(figure.axes[0].get_xticks()) == labels
