"""The opening tutorial: it runs, its report is complete without a kernel, its claims hold."""

from __future__ import annotations

import itertools
import os
import re
from types import SimpleNamespace

import ipywidgets as widgets
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from study_runs import ROOT

from cyborg_utils.reporting import notebooks
from cyborg_utils.statistics.agreement import agreement_rates, quadratic_weighted_kappa
from cyborg_utils.study.notebook_cells import read_notebook, without_lesson
from cyborg_utils.teaching import concept_figures, concepts

NAME = "00_concepts"
CELLS = nbformat.read(ROOT / "notebooks" / f"{NAME}.ipynb", as_version=4).cells


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


# ---------------------------------------------------------------- the notebook and its report


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The notebook run from top to bottom, and its report."""
    folder = tmp_path_factory.mktemp("tutorial")
    executed, report = folder / "tutorial.ipynb", folder / "tutorial.html"
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        notebooks.run_notebook(NAME, {"seed": 2}, executed, report)
    cells = nbformat.read(executed, as_version=4).cells
    return SimpleNamespace(cells=cells, html=report.read_text(encoding="utf-8"))


def test_every_figure_has_an_alt_text_with_the_numbers_of_its_run(tutorial):
    pictures = re.findall(r"<img [^>]*>", tutorial.html)
    alts = [alt for picture in pictures for alt in re.findall(r'alt="([^"]*)"', picture)]
    assert len(pictures) == len(alts) == 4
    for alt in alts:
        assert len(alt) > 100
        assert re.search(r"\d", alt)
        assert "nan" not in alt
    frame = concepts.two_machines(seed=2)
    kappa = quadratic_weighted_kappa(frame["human"], frame["b"], concepts.LABELS)
    assert f"{kappa:.2f}" in alts[1]


def test_a_report_folds_the_answers(tutorial):
    answer = r"<details><summary>Answer</summary>\s*<p>(.*?)</p>\s*</details>"
    answers = re.findall(answer, tutorial.html, re.DOTALL)
    assert len(answers) == tutorial.html.count("<summary>Answer") == 4
    assert all(len(text) > 80 and "<div" not in text for text in answers)


def test_a_report_says_where_the_sliders_work_and_contains_no_widgets(tutorial):
    assert tutorial.html.count(concept_figures.NO_KERNEL) == 4
    for trace in ("widget-view", "widget-state", "model_id", "FloatSlider(value", "VBox("):
        assert trace not in tutorial.html
    assert not re.search(r"<script[^>]* src=", tutorial.html)
    assert "<title>00 Concepts, seed 2</title>" in tutorial.html


def test_nothing_is_written_to_the_error_stream(tutorial):
    outputs = [o for cell in tutorial.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type in ("stream", "error")]


def test_the_tutorial_asks_four_questions():
    questions = [c.source for c in CELLS if "<details>" in c.source]
    assert len(questions) == 4
    assert all("**Check yourself.**" in source for source in questions)


def test_each_exercise_is_followed_by_its_solution():
    kinds = [tag for cell in CELLS for tag in tags(cell) if tag in ("exercise", "solution")]
    assert [kind for kind, _ in itertools.groupby(kinds)] == ["exercise", "solution"] * 2
    for cell, after in itertools.pairwise(CELLS):
        if "exercise" in tags(cell):
            assert {"exercise", "solution"} & set(tags(after))
    titles = [c.source for c in CELLS if "Exercise" in c.source and c.cell_type == "markdown"]
    assert len([t for t in titles if t.startswith("## Exercise")]) == 2


def test_the_tutorial_is_short():
    assert len(without_lesson(read_notebook(NAME)).cells) < 30


def test_no_result_is_typed_into_the_text(tutorial):
    """Numbers with two decimals appear in questions only."""
    text = " ".join(c.source for c in CELLS if c.cell_type == "markdown")
    assert set(re.findall(r"\d\.\d\d", text)) == {"0.51", "0.95"}


# ---------------------------------------------------------------- sliders


def test_a_slider_redraws_its_figure(monkeypatch):
    monkeypatch.setattr(concept_figures, "display", lambda *_args, **_kwargs: None)
    drawn = []
    figure = SimpleNamespace(update=drawn.append)
    share = widgets.IntSlider(10, min=1, max=100)
    concept_figures.sliders(concept_figures.label_figure, figure, share=share)
    assert not drawn
    share.value = 25
    assert len(drawn) == 1
    assert "25 scored by hand, 75 by the Teacher" in drawn[0].alt


@pytest.mark.parametrize(
    ("draw", "ends"),
    [
        (
            concept_figures.label_figure,
            {"center": (1, 6), "uncertainty": (0.2, 2), "share": (1, 100)},
        ),
        (
            concept_figures.qwk_figure,
            {"miss": (1, 3), "shrinkage": (0, 0.9), "shift": (-1.5, -0.25, 1.5)},
        ),
        (concept_figures.smd_figure, {"smd": (-0.5, 0.5), "noise": (0, 1), "cut": (2, 6)}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.filterwarnings("error")
def test_a_figure_holds_at_the_ends_of_its_sliders(draw, ends):
    for values in itertools.product(*ends.values()):
        figure, alt = draw(**dict(zip(ends, values, strict=True)))
        assert "nan" not in alt
        assert "nan" not in figure.get_suptitle()
        plt.close(figure)


def test_the_last_figure_holds_at_the_ends_of_its_sliders():
    for gap, hand_scored in ((0.0, 50), (3.0, 1000)):
        runs = concepts.inherited_bias(gap, hand_scored, draws=3)
        figure, alt = concept_figures.inheritance_figure(runs)
        assert f"from {hand_scored:,} to 3,000 labels" in alt
        plt.close(figure)


# ---------------------------------------------------------------- what the tutorial claims


@pytest.mark.parametrize("center", [1, 3.4, 6])
def test_the_teachers_probabilities_are_probabilities(center):
    probabilities = concepts.teacher_probabilities(center, 0.7)
    assert probabilities.sum() == pytest.approx(1)
    assert concepts.LABELS[probabilities.argmax()] == round(center)


@pytest.mark.parametrize("miss", [1, 2, 3])
def test_two_machines_have_equal_exact_agreement_and_errors_that_weigh_by_their_square(miss):
    frame = concepts.two_machines(miss=miss)
    a, b = (agreement_rates(frame["human"], frame[name])["exact"] for name in "ab")
    assert a == b
    assert frame.isin(concepts.LABELS).all(axis=None)
    squared = ((frame[["a", "b"]].sub(frame["human"], axis=0)) ** 2).sum()
    assert squared["b"] == miss**2 * squared["a"]


@pytest.mark.parametrize("shrinkage_or_shift", ["shrinkage", "shift"])
def test_qwk_falls_as_scores_are_shrunken_or_shifted(shrinkage_or_shift):
    kappas = []
    for amount in (0, 0.25, 0.5, 0.75, 1):
        change = {"shrinkage": 0.0, "shift": 0.0} | {shrinkage_or_shift: amount}
        human, machine = concepts.squeezed_scores(**change)
        kappas.append(quadratic_weighted_kappa(human, machine, concepts.LABELS))
    assert kappas[0] == 1
    assert all(np.diff(kappas) < 0)


def test_a_machine_that_gives_one_score_has_a_qwk_of_zero():
    human, _ = concepts.squeezed_scores(0, 0)
    assert quadratic_weighted_kappa(human, np.full_like(human, 3), concepts.LABELS) == 0


@pytest.mark.parametrize("noise", [0, 0.4])
def test_the_balance_of_lower_and_higher_scores_is_the_smd_in_essays(noise):
    counts = concepts.smd_counts(noise, cut=4)
    assert counts["smd"].is_monotonic_increasing
    biased = concepts.counts_at(counts, -0.1)
    assert biased["lower"] - biased["higher"] == pytest.approx(100, abs=10)
    assert biased["higher"] == pytest.approx(0, abs=0.1) if noise == 0 else biased["higher"] > 50
    assert 0 < biased["machine_fails"] - biased["people_fail"] < biased["lower"]


def test_human_scores_have_an_sd_of_about_one_point():
    human, _ = concepts.shifted_scores(0, 0)
    assert human.std() == pytest.approx(1, abs=0.05)


def test_simulated_groups_write_equally_well_and_differ_in_style():
    essays = concepts.made_up_essays(40_000, 2.0, np.random.default_rng(1))
    group, others = essays.group, ~essays.group
    assert essays.human[group].mean() == pytest.approx(essays.human[others].mean(), abs=0.05)
    style = essays.teacher_view[:, 0]
    assert (style == essays.student_view[:, 0]).all()
    assert style[group].mean() - style[others].mean() == pytest.approx(2, abs=0.05)
    assert np.corrcoef(style[others], essays.human[others])[0, 1] < -0.6
    assert abs(np.corrcoef(style[group], essays.human[group])[0, 1]) < 0.05


@pytest.fixture(scope="module", params=[1, 2, 3], ids="seed {}".format)
def runs(request):
    return concepts.inherited_bias(seed=request.param)


def mean(frame, labels, essays, column="smd"):
    chosen = frame[(frame["labels"] == labels) & (frame["essays"] == essays)]
    return chosen[column].reset_index(drop=True)


def test_a_student_inherits_its_teachers_bias_and_more_of_its_labels_do_not_help(runs):
    teacher, student = mean(runs, "Teacher", 100), mean(runs, "cyborg", 3000)
    assert teacher.corr(student) > 0.9
    assert teacher.mean() < -0.2
    assert student.mean() < teacher.mean()
    assert student.mean() < mean(runs, "cyborg", 300).mean()


def test_cyborg_data_agree_better_than_the_labels_of_u_alone(runs):
    assert mean(runs, "cyborg", 3000, "qwk").mean() > mean(runs, "human", 100, "qwk").mean() + 0.03


def test_human_labels_reduce_the_random_bias_but_not_all_of_its_mean(runs):
    few, many = mean(runs, "human", 100), mean(runs, "human", 3000)
    assert many.std() < few.std() / 2
    assert -0.15 < many.mean() < -0.05
    assert many.mean() > mean(runs, "cyborg", 3000).mean() + 0.2


def test_at_the_size_of_u_cyborg_data_are_human_labels(runs):
    assert mean(runs, "cyborg", 100).equals(mean(runs, "human", 100))


def test_a_student_weights_the_style_more_than_its_teacher(runs):
    teacher, student = (
        -mean(runs, *who, "style_weight").mean() for who in (("Teacher", 100), ("cyborg", 3000))
    )
    assert student > teacher + 0.1


def test_a_student_with_its_teachers_features_has_its_teachers_bias(monkeypatch):
    make = concepts.made_up_essays

    def one_view(*args, **kwargs):
        essays = make(*args, **kwargs)
        return essays._replace(student_view=essays.teacher_view)

    monkeypatch.setattr(concepts, "made_up_essays", one_view)
    runs = concepts.inherited_bias()
    assert mean(runs, "cyborg", 3000).mean() == pytest.approx(
        mean(runs, "Teacher", 100).mean(), abs=0.03
    )


def test_a_larger_u_corrects_the_teacher_and_with_it_the_student(runs):
    larger = concepts.inherited_bias(hand_scored=1000)
    assert mean(larger, "Teacher", 1000).mean() > mean(runs, "Teacher", 100).mean() + 0.1
    assert mean(larger, "cyborg", 3000).mean() > mean(runs, "cyborg", 3000).mean() + 0.1


def test_without_a_difference_in_style_no_scorer_is_biased():
    means = concepts.over_draws(concepts.inherited_bias(gap=0.0))
    assert (means["mean"].abs() < 0.05).all()


def test_a_student_inherits_the_bias_also_without_the_style_feature(runs):
    hidden = concepts.inherited_bias(student_sees_style=False)
    assert mean(hidden, "cyborg", 3000).mean() < -0.15
    assert abs(mean(hidden, "human", 3000).mean()) < 0.03


def test_an_interval_over_draws_contains_its_mean():
    means = concepts.over_draws(concepts.inherited_bias(draws=5))
    assert (means["low"] < means["mean"]).all() and (means["mean"] < means["high"]).all()
