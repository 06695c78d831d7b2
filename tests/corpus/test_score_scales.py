"""The scale of scores in a file, and scores as points of a scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from corpus_files import corpus_error, essay_table, study, table
from machine_study import runs_of

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.score_scales import score_scale
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.reporting.narrative.corpus import means_note
from cyborg_utils.statistics.agreement import agreement_rates, bootstrap_agreement
from cyborg_utils.statistics.scales import nearest_points, scale_step
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.study.schema.study import Study


def found(scores: list[float]) -> tuple[float, float, float]:
    return score_scale(pd.Series(scores, name="score", dtype=float), "essays.csv")


@pytest.mark.parametrize(
    ("scores", "scale", "n_points"),
    [
        ([1, 2, 5, 6], (1, 6, 1), 6),
        ([1, 1.5, 4], (1, 4, 0.5), 7),
        ([1, 1.25, 1.75, 3.5], (1, 3.5, 0.25), 11),
        ([0, 40, 120, 1000], (0, 1000, 40), 26),
        ([0, 37, 52, 100], (0, 100, 1), 101),
        ([2, 3.33, 3.67, 5], (2, 5, 0.333333), 10),
        ([2, 3.3, 3.7, 5], (2, 5, 0.333333), 10),
        ([2, 10 / 3, 11 / 3, 5], (2, 5, 0.333333), 10),
        ([1, 1.17, 2.33, 4.5], (1, 4.5, 0.166667), 22),
        ([-1, 0, 1], (-1, 1, 1), 3),
        (list(range(61)), (0, 60, 1), 61),
    ],
)
def test_the_step_is_the_greatest_that_all_scores_fit(scores, scale, n_points):
    assert found(scores) == scale
    low, high, step = scale
    assert len(Scale(min=low, max=high, step=step).labels) == n_points


def test_scores_that_fit_no_scale_say_what_to_do():
    with pytest.raises(TableError, match=r"fit no scale of 101 points .* give --scale MIN-MAX:ST"):
        found([0, 1, 350])
    means = pd.Series([1.21, 2.5, 3.333, 4.9], name="score")
    with pytest.raises(TableError, match="fit no scale"):
        score_scale(means, "essays.csv")
    assert score_scale(means, "essays.csv", between_points=True) == (1, 5, 1)
    with pytest.raises(TableError, match="there is nothing to learn"):
        found([3, 3, np.nan])


def written(tmp_path, frame: pd.DataFrame, **more) -> dict:
    frame.to_csv(tmp_path / "essays.csv", index=False)
    return table(tmp_path / "essays.csv", **more)


def test_averages_that_are_rounded_in_the_file_are_points_of_their_scale(tmp_path):
    frame = essay_table()
    frame["grade"] = [[1, 1.33, 1.67, 2, 2.3, 2.7][i % 6] for i in range(60)]
    scale = {"min": 1, "max": 3, "step": 0.333333}
    result = study(written(tmp_path, frame, scale=scale))
    assert set(load_corpus(result)["score"]) == set(result.labels[:-1])
    frame.loc[0, "grade"] = 1.4
    assert "1 scores are off the scale" in corpus_error(written(tmp_path, frame, scale=scale))


def test_a_trait_is_rescaled_from_its_own_scale(tmp_path):
    frame = essay_table()
    frame["grade"] = [40 * (i % 26) for i in range(60)]
    frame["style"] = [40 * (i % 6) for i in range(60)]
    columns = {"id": "nr", "text": "essay", "score": "grade", "traits": {"style": "style"}}
    scales = {"min": 0, "max": 1000, "step": 40}, {"min": 0, "max": 200, "step": 40}
    spec = written(
        tmp_path, frame, columns=columns, scale=scales[0], trait_scales={"style": scales[1]}
    )
    corpus = load_corpus(study(spec)).set_index("essay_id").loc[frame["nr"]]
    assert corpus["score"].tolist() == frame["grade"].tolist()
    assert corpus["style"].tolist() == (5 * frame["style"]).tolist()
    frame.loc[3, "style"] = 240
    frame.to_csv(tmp_path / "essays.csv", index=False)
    assert corpus_error(spec) == (
        "trait 'style': 1 scores are off the scale 0 to 200 (first: 240): correct them, or "
        "corpus.trait_scales"
    )
    with pytest.raises(ValueError, match="no trait 'tone'; columns.traits has style"):
        study({**spec, "trait_scales": {"tone": scales[1]}})


def test_adjacent_is_one_step_of_the_scale():
    human, machine = [0, 40, 80, 120], [0, 80, 200, 120]
    labels = Scale(min=0, max=1000, step=40).labels
    assert scale_step(labels) == 40
    assert agreement_rates(human, machine, 40).to_dict() == {"exact": 0.5, "adjacent": 0.75}
    rates = bootstrap_agreement(human, machine, labels, 200)["estimate"]
    assert rates[["exact", "adjacent"]].tolist() == [0.5, 0.75]
    halves = np.arange(1, 5.5, 0.5)
    assert bootstrap_agreement([1, 2], [2, 2.5], halves, 200).loc["adjacent", "estimate"] == 0.5
    thirds = Scale(min=1, max=3, step=0.333333).labels
    assert bootstrap_agreement(thirds[1:], thirds[:-1], thirds, 200)["estimate"]["adjacent"] == 1


def test_means_of_ratings_are_rounded_to_points_ties_to_the_even_one():
    assert nearest_points([1.5, 2.5, np.nan, 3.2], [1, 2, 3, 4]).tolist()[:2] == [2, 2]
    assert np.array_equal(nearest_points([1, np.nan], [1, 2]), [1, np.nan], equal_nan=True)


def machine_scores(tmp_path, human: list[float]) -> dict:
    frame = pd.DataFrame({"id": range(len(human)), "h": human, "m": [2.2] * len(human)})
    frame.to_csv(tmp_path / "scores.csv", index=False)
    columns = {"id": "id", "score": "h", "machines": {"m": "m"}}
    return {
        "kind": "predictions", "file": str(tmp_path / "scores.csv"), "columns": columns,
        "scale": {"min": 1, "max": 4},
    }  # fmt: skip


def test_human_means_are_compared_with_machines_and_said(tmp_path):
    spec = machine_scores(tmp_path, [1, 2.5, 3.33, 4])
    result = Study.model_validate({"name": "t", "title": "T", "corpus": spec})
    corpus = load_corpus(result)
    assert corpus["score"].tolist() == [1, 2.5, 3.33, 4]
    assert means_note(result, corpus).startswith("2 of 4 human scores lie between the points")
    assert means_note(result, corpus.assign(score=[1.0, 2, 3, 4])) is None
    runs = runs_of(corpus, result)
    assert runs["human"].tolist() == [1, 2, 3, 4]
    assert runs["human_mean"].tolist() == [1, 2.5, 3.33, 4]
    with pytest.raises(CorpusError, match="1 scores are off the scale 1 to 4"):
        load_corpus(
            Study.model_validate(
                {"name": "t", "title": "T", "corpus": machine_scores(tmp_path, [1, 2.5, 4.5])}
            )
        )


def test_a_causal_teacher_has_a_letter_for_each_point():
    causal = {
        "name": "llama",
        "kind": "causal",
        "model": {"hub": "a/b", "revision": "0" * 40},
    }
    files = {"train": ["training_set_rel3.tsv"]}
    for number, n_points in ((7, 31), (8, 61)):
        spec = {"kind": "asap1", "files": files, "sets": [number]}
        assert len(study(spec).labels) == n_points
        with pytest.raises(ValueError, match=rf"26 at most, and corpus.scale has {n_points} poin"):
            study(spec, teachers=[causal])
        assert study({**spec, "scale": {"min": 0, "max": 10}}, teachers=[causal]).teachers
