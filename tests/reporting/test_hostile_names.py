"""Hostile names and prose in pages and figures."""

from __future__ import annotations

import io

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from cyborg_utils.reporting import bias_figures, figures
from cyborg_utils.reporting.markdown import as_markdown, as_text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("<b>a</b> & *b*", "&lt;b&gt;a&lt;/b&gt; &amp; &#42;b&#42;"),
        ("[a](javascript:b)", "&#91;a&#93;(javascript:b)"),
        ("Two or more races/Other", "Two or more races/Other"),
        ("a\n\n# b", "a # b"),
    ],
)
def test_a_name_is_text_in_markdown(message, shown):
    assert as_text(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("*a* [b](https://c.org/d) [e](05_f.html)", "*a* [b](https://c.org/d) [e](05_f.html)"),
        ("[a](javascript:b) [c]( data:d)", "[a]&#40;javascript:b) [c]&#40; data:d)"),
        ("<i>a</i> ![b](http://c/d.png)", "&lt;i>a&lt;/i> !&#91;b](http://c/d.png)"),
        ("[a]: javascript:b", "[a]&#58; javascript:b"),
    ],
)
def test_prose_keeps_its_markdown_alone(message, shown):
    assert as_markdown(message) == shown


def test_figures_of_hostile_groups_are_drawn():
    level = ["$\\frac{", "<b>a</b>", "a\nb", "مرحبا", "_a", "%s {}"]
    report = pd.DataFrame({"level": level, "n": 40, "smd": 0.1, "dsm": 0.1, "dsm_low": 0.0})
    report = report.assign(condition="full", dsm_high=0.2, dsm_verdict="outside")
    bands = report.assign(reference="$\\frac{", smallest=0.0, largest=0.1, low=-0.1, high=0.2)
    figure, alt = bias_figures.bias_forest(report, bands, 0.1, "$x_{: bias")
    assert all(group in alt for group in level)
    figure.savefig(io.BytesIO(), format="png")
    shares = pd.DataFrame({"$\\frac{": [0.4, 0.6], "<b>": [0.5, 0.5]}, index=[1, 2])
    figure, _ = figures.score_distribution(shares, "$")
    figure.savefig(io.BytesIO(), format="png")
    plt.close("all")
