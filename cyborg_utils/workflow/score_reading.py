"""How the scores of a file are read: missing codes, the decimal mark, levels that stand for
numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from cyborg_utils.corpus import score_values
from cyborg_utils.corpus.score_values import detect_decimal, group_values, is_missing, numbers
from cyborg_utils.corpus.table_files import Table
from cyborg_utils.workflow.study_files import quoted


@dataclass(frozen=True)
class ScoreReading:
    """What turns the texts of a column into scores.

    Attributes
    ----------
    missing : texts that mean no value in scores and groups, next to the usual ones.
    decimal : the decimal mark.
    values : the number that a text stands for.
    """

    missing: tuple[str, ...] = ()
    decimal: str = "."
    values: dict[str, float] = field(default_factory=dict)

    @property
    def codes(self) -> list[str] | None:
        """The declared codes, as the corpus takes them; None where there are none."""
        return list(self.missing) or None

    def groups(self, values: pd.Series) -> pd.Series:
        """The groups of a column; blank ones and codes are missing."""
        return group_values(values, self.codes)

    def numbers(self, values: pd.Series) -> pd.Series:
        """The scores of a column; what is no number is missing."""
        readable = values.mask(self.not_numbers(values))
        return numbers(
            readable, "", "", missing=self.codes, decimal=self.decimal, score_values=self.values
        )

    def not_numbers(self, values: pd.Series) -> pd.Series:
        """Whether a value is neither a score nor missing."""
        return score_values.not_numbers(values, self.codes, self.decimal, self.values)

    def missing_codes(self, values: pd.Series, groups: bool = False) -> pd.Series:
        """The texts of a column that mean no value, with their counts; blank cells do not count."""
        texts = values[values.notna() & is_missing(values, self.codes, groups)].str.strip()
        return texts[texts != ""].value_counts()


def format_values(table: Table, reading: ScoreReading) -> dict[str, str]:
    """The keys of a study that say how a file and its scores are written, as YAML."""
    values = {
        "encoding": quoted(table.encoding),
        "separator": quoted(table.separator),
        "quoting": quoted(table.quoting),
    }
    if reading.missing:
        values["missing"] = f"[{', '.join(map(quoted, reading.missing))}]"
    if table.separator == ";" or reading.decimal != ".":
        values["decimal"] = quoted(reading.decimal)
    if reading.values:
        pairs = (f"{quoted(text)}: {number:g}" for text, number in reading.values.items())
        values["score_values"] = f"{{{', '.join(pairs)}}}"
    return values


def infer_reading(
    scores: Iterable[pd.Series],
    separator: str | None,
    missing: tuple[str, ...],
    decimal: str | None,
    values: dict[str, float],
) -> ScoreReading:
    """How scores and groups are written, as a person says; the decimal mark is else detected.

    Parameters
    ----------
    scores : the columns of scores, as in the file.
    """
    scores = list(scores)
    return ScoreReading(
        missing, decimal or (detect_decimal(scores, separator) if scores else "."), values
    )
