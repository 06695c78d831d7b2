"""Settings that override a study's file: what is text stays that text."""

from __future__ import annotations

import pytest
import yaml

from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.settings import override, split_settings


def overridden(setting: str) -> object:
    """The value that a setting writes."""
    values: dict = {"students": [{"name": "electra"}]}
    override(values, setting)
    *parents, last = setting.partition("=")[0].split(".")
    for parent in parents:
        values = values[parent]
    return values[last]


@pytest.mark.parametrize(
    "text", ["It's #1: a study", "2024", "1_2", "1e5", "true", "null", "[a]", "Prüfung, Teil 2"]
)
def test_a_title_is_kept_letter_by_letter(text):
    assert overridden(f"title={text}") == text
    assert overridden("title=" + yaml.safe_dump(text, default_style='"').strip()) == text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("corpus.columns.score=2024", "2024"),
        ("corpus.columns.groups.language=1st # language", "1st # language"),
        ("corpus.columns.groups={language: 1e5}", {"language": "1e5"}),
        ("corpus.columns.prompt=null", None),
        ("corpus.files.train=[O'Brien.csv, true]", ["O'Brien.csv", "true"]),
        ("transfer=[2024, 1_2]", ["2024", "1_2"]),
        ("evaluation.groups=null", None),
        ("sampling.seeds=[1, 2]", [1, 2]),
        ("evaluation.smd_bound=0.2", 0.2),
        ("evaluation.has_test_set=false", False),
    ],
)
def test_a_value_is_read_as_what_the_study_keeps_there(setting, value):
    assert overridden(setting) == value


def test_a_text_of_several_settings_is_split_where_the_next_one_starts():
    text = "title=It's #1 corpus.dev_size=3 sampling.seeds=[1, 2] about='a b=c'"
    assert split_settings(text) == [
        "title=It's #1", "corpus.dev_size=3", "sampling.seeds=[1, 2]", "about='a b=c'"
    ]  # fmt: skip
    assert split_settings("  ") == []
    with pytest.raises(ParameterError, match="write key=value, such as"):
        split_settings("3 title=x")
