"""Which column of a table is what: the choice, and what a person is told of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cyborg_utils.corpus import column_roles as roles
from cyborg_utils.corpus.table_files import TableError

N = 60
RNG = np.random.default_rng(3)
WORDS = ["the", "of", "school", "day", "phone", "park", "river", "they", "should", "because"]


def texts(n_words: int) -> list[str]:
    return [" ".join(RNG.choice(WORDS, n_words)) + f" {i}." for i in range(N)]


def points(low: int, high: int) -> list[str]:
    return [str(low + i % (high - low + 1)) for i in range(N)]


def table(**columns) -> pd.DataFrame:
    """A table of texts; a column is a list, or one value for all rows."""
    return pd.DataFrame(columns, index=range(N)).astype("string").astype(object)


def fault(infer, *arguments) -> str:
    with pytest.raises(TableError) as caught:
        infer(*arguments)
    return str(caught.value)


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize(
    ("essay", "comment"),
    [
        ("Aufsatz", "Kommentar"),
        ("essay", "Examiner_Comment"),
        ("text", "peer review"),
        ("redacción", "Comentario del profesor"),
        ("texte", "Commentaires"),
        ("作文", "教师评语"),
        ("response", "Feedback"),
    ],
)
def test_a_comment_that_is_longer_than_the_essay_is_only_named(essay, comment):
    guess = roles.text_guess(table(**{comment: texts(80), essay: texts(40)}))
    assert guess.column == essay
    assert guess.note("--text") == f" (also possible: '{comment}'; --text COLUMN)"


def test_a_text_that_no_name_tells_rests_on_its_length():
    guess = roles.text_guess(table(q7=texts(40), Kommentar=texts(90)))
    assert guess.note("--text") == (
        " (by its length alone; also possible: 'Kommentar'; --text COLUMN)"
    )


@pytest.mark.parametrize("names", [("essay", "text"), ("draft a", "draft b")])
def test_two_texts_between_which_no_name_decides_are_asked_about(names):
    frame = table(**{name: texts(40) for name in names})
    message = fault(roles.text_guess, frame)
    assert all(repr(name) in message for name in names)
    assert message.endswith("could all be the essays' text: name it with --text COLUMN")


def test_a_lone_comment_is_no_essay():
    assert fault(roles.text_guess, table(id=range(N), Kommentar=texts(40))) == (
        "column 'Kommentar' is long, but named like comments or questions: where it holds the "
        "essays, give --text 'Kommentar'"
    )


def test_a_question_as_a_name_is_no_question():
    question = "In the space below, write an essay on this topic: should phones be allowed at all?"
    assert roles.text_guess(table(**{question: texts(40)})).column == question


def test_text_without_spaces_and_lists_of_numbers():
    chinese = ["因为学校可以帮助学生" * 5 + str(i) for i in range(N)]
    competences = [f"[{80 + i}, 40, 120, 80, 40]" for i in range(N)]
    assert roles.text_guess(table(competence=competences, 正文=chinese)) == roles.Guess("正文")


# ---------------------------------------------------------------- ids and writers


def test_an_id_goes_before_a_writer():
    writers = [f"S{i // 2}" for i in range(N)]
    frame = table(student_id=writers, text_id=[f"t{i}" for i in range(N)])
    assert roles.id_guess(frame) == roles.Guess("text_id")
    assert roles.writer_guess(frame.drop(columns="text_id")) == roles.Guess("student_id")


def test_a_writer_with_several_essays_is_no_id():
    assert roles.id_guess(table(student_id=[f"S{i // 2}" for i in range(N)])).column is None


def test_writers_with_one_essay_each_are_ids_and_no_writers():
    frame = table(student_id=[f"S{i}" for i in range(N)])
    assert roles.id_guess(frame).column == "student_id"
    assert roles.writer_guess(frame).column is None


def test_ids_by_their_values_alone_are_said():
    guess = roles.id_guess(table(zeile=range(N), blatt=[f"b{i}" for i in range(N)]))
    assert guess.note("--id") == (
        " (by its values, which all differ; also possible: 'blatt'; --id COLUMN)"
    )


# ---------------------------------------------------------------- scores


@pytest.mark.parametrize(
    ("score", "others"),
    [
        ("overall_score", ("content_score", "organization_score")),
        ("Gesamtnote", ("Note Inhalt", "Note Aufbau")),
        ("Final Score", ("grammar rating", "score vocabulary")),
        ("总分", ("内容分数",)),
    ],
)
def test_overall_goes_before_its_parts(score, others):
    frame = table(**{c: points(1, 6) for c in (*others, score)})
    guess = roles.score_guess(frame)
    assert guess.column == score
    assert set(guess.others) == set(others)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("grade_level", points(6, 12)),
        ("grade", points(6, 12)),
        ("Grade", [f"{8 + i % 4}th" for i in range(N)]),
        ("Klassenstufe", points(5, 9)),
    ],
)
def test_a_grade_of_school_is_no_score(name, values):
    guess = roles.score_guess(table(**{name: values}, band=points(1, 6)))
    assert guess.column == "band"
    assert guess.note("--score") == (f" ({name!r} looks like a grade of school; --score COLUMN)")
    assert "no column is named like a score" in fault(roles.score_guess, table(**{name: values}))


def test_a_grade_of_few_points_is_a_score():
    assert roles.score_guess(table(grade=points(1, 6))) == roles.Guess("grade")


@pytest.mark.parametrize("name", ["Punkte", "nota", "note", "分数", "Puntuación", "Marks"])
def test_scores_in_other_languages(name):
    assert roles.score_guess(table(**{name: points(1, 6)})).column == name


def test_a_long_question_is_neither_score_nor_prompt():
    question = "How would you rate your own task, from 1 (low) to 5 (high)?"
    frame = pd.DataFrame({question: points(1, 5), "Total score": points(1, 6)})
    assert roles.score_guess(frame) == roles.Guess("Total score")
    assert roles.prompt_guess(frame[[question]]) == roles.Guess(None)


def test_a_score_is_known_by_its_name_whatever_its_levels():
    levels = [f"{i}{sign}" for i in range(1, 7) for sign in ("", "+", "-")] * 5
    assert roles.score_guess(pd.DataFrame({"score": levels})) == roles.Guess("score")


def test_two_scores_of_which_none_is_overall_are_asked_about():
    frame = table(content_score=points(1, 6), language_score=points(0, 4))
    assert fault(roles.score_guess, frame) == (
        "columns 'content_score' (1 to 6), 'language_score' (0 to 4) could all be the human score: "
        "name it with --score COLUMN"
    )


def test_a_machines_score_and_a_count_are_no_human_scores():
    frame = table(predicted_score=points(1, 6), word_count=points(1, 6), max_points="6")
    assert "columns of numbers: 'predicted_score' (1 to 6)" in fault(roles.score_guess, frame)


# ---------------------------------------------------------------- second scores


@pytest.mark.parametrize(
    ("score", "second"),
    [("score", "score_2"), ("rater1", "rater2"), ("Note", "Zweite Note"), ("score", "2nd rating")],
)
def test_a_second_rating_has_the_first_ones_range(score, second):
    frame = table(**{second: points(1, 6)})
    assert roles.second_guess(frame, score, table(s=points(1, 6))["s"]).column == second


def test_a_second_rating_of_another_range_is_not_taken():
    frame = table(score_2=points(0, 60))
    assert roles.second_guess(frame, "score", table(s=points(1, 6))["s"]) == roles.Guess(
        None, why="'score_2' (0 to 59) has another range than 'score' (1 to 6)"
    )


def asap(resolved: list[str]) -> pd.DataFrame:
    """The columns of ASAP 1.0 of sets 1 and 2."""
    return table(
        rater1_domain1=points(1, 6), rater2_domain1=points(1, 6), domain1_score=resolved,
        domain2_score=points(1, 4),
    )  # fmt: skip


def test_raters_are_paired_where_the_resolved_score_differs_by_prompt():
    prompts = pd.Series(["1"] * (N // 2) + ["2"] * (N // 2))
    frame = asap(points(2, 12)[: N // 2] + points(1, 6)[: N // 2])
    guess = roles.score_guess(frame, prompts)
    assert guess.note("--score") == (
        " ('domain1_score' runs over another range for each prompt; also possible: "
        "'domain1_score'; --score COLUMN)"
    )
    assert guess.column == "rater1_domain1"
    rest = frame.drop(columns="rater1_domain1")
    assert roles.second_guess(rest, "rater1_domain1", frame["rater1_domain1"]).column == (
        "rater2_domain1"
    )


@pytest.mark.parametrize("resolved", [points(2, 12), points(1, 6)])
def test_a_rater_is_not_paired_with_a_sum_nor_a_second_trait_with_the_first(resolved):
    frame = asap(resolved)
    assert roles.score_guess(frame).column == "domain1_score"
    guess = roles.second_guess(frame.drop(columns="domain1_score"), "domain1_score",
                               frame["domain1_score"])  # fmt: skip
    assert guess.column is None
    assert guess.why == (
        "'domain2_score' is of another part or trait; 'rater2_domain1' goes with 'rater1_domain1' "
        "(--score 'rater1_domain1' --second 'rater2_domain1')"
    )


# ---------------------------------------------------------------- prompts, splits, groups


def test_prompts_groups_and_columns_that_look_like_groups():
    frame = table(
        prompt_name=["A", "B"] * (N // 2), task=["x", "y"] * (N // 2), 性别=["女", "男"] * (N // 2),
        FRL=["Y", "N"] * (N // 2), teacher="Smith",
    )  # fmt: skip
    assert roles.prompt_guess(frame) == roles.Guess("prompt_name", ("task",))
    assert roles.group_columns(frame) == ["性别"]
    assert roles.few_levels(frame[["FRL", "teacher"]]) == ["FRL"]


def test_groups_have_names_of_their_own_in_any_script():
    columns = ["性别", "母语", "1st language", "ELL?", "ell", "Prompt", "??"]
    assert roles.group_names(columns) == {
        "性别": "性别", "母语": "母语", "1st_language": "1st language", "ell": "ELL?",
        "ell_2": "ell", "prompt_group": "Prompt", "group": "??",
    }  # fmt: skip


def test_a_split_needs_essays_to_train_on():
    assert roles.split_guess(table(set=["Train", "test"] * (N // 2))).column == "set"
    assert roles.split_guess(table(set=["1", "2"] * (N // 2))).column is None
