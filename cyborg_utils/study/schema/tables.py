"""How the file of a table is written, and what the values of its columns mean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cyborg_utils.study.schema.base import Strict


class ScoreValues(Strict):
    """What the values of score and group columns mean.

    `missing` are texts or numbers that mean no value, next to the usual ones such as NA; an empty
    list turns the usual ones off. `decimal` is detected where it is null. `score_values` gives the
    number of a text such as `"4 - Proficient"`.
    """

    missing: list[str | int | float] | None = None
    decimal: Literal[".", ","] | None = None
    score_values: dict[str, float] = {}


class FileFormat(Strict):
    """How a file of delimited text is written; what is null is detected.

    `encoding` may be `a+b`: a, with the few bytes that are not a read as b. `quoting` is `double`
    where double quotes enclose cells, `none` where they are text, `lines` where each line is a row
    and only a cell that is quoted as a whole has its quotes removed.
    """

    encoding: str | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    quoting: Literal["double", "none", "lines"] | None = None
