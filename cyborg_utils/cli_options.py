"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import click


class Scale(click.ParamType):
    """`1-6`, or with the step where it is not 1, `1-5:0.5`."""

    name = "MIN-MAX[:STEP]"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        number = r"(-?\d+(?:\.\d+)?)"
        parts = re.fullmatch(f"{number}-{number}(?::{number})?", value)
        if parts is None:
            self.fail(f"{value!r} is no scale; write it as 1-6, or with its step as 1-5:0.5")
        low, high, step = parts.groups(default="1")
        return float(low), float(high), float(step)


def column_options(**roles: str) -> Callable:
    """Options that name a column: what each column holds, by the option's name."""

    def add(command: Callable) -> Callable:
        for role, holds in reversed(roles.items()):
            command = click.option(f"--{role}", metavar="COLUMN", help=f"The column with {holds}.")(
                command
            )
        return command

    return add


class ScoreValue(click.ParamType):
    """`TEXT=NUMBER`: the score that a text stands for."""

    name = "TEXT=NUMBER"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        text, _, number = value.rpartition("=")
        try:
            return text.strip(), float(number)
        except ValueError:
            self.fail(f"{value!r} gives no text a score; write it as in low=1")


def form_options(command: Callable) -> Callable:
    """What a person says of any file of essays: `--row-ids`, and `--encoding`, `--separator` and
    `--quoting`, which the command gets as `form`."""

    @click.option("--row-ids", is_flag=True, help="Name essays by their rows: no column does.")
    @click.option("--encoding", help="Of the file, where the detected one is wrong.")
    @click.option("--separator", help="Of its columns: a character, or tab.")
    @click.option(
        "--quoting", type=click.Choice(["double", "none", "lines"]),
        help="Whether double quotes enclose its cells, or are text; lines: a row is one line.",
    )  # fmt: skip
    @functools.wraps(command)
    def with_form(
        encoding: str | None, separator: str | None, quoting: str | None, **others: object
    ) -> int:
        separator = {"tab": "\t", r"\t": "\t"}.get(separator, separator)
        form = {"encoding": encoding, "separator": separator, "quoting": quoting}
        return command(form=form, **others)

    return with_form


def table_options(command: Callable) -> Callable:
    """What a person says of any table: the `form_options`, and `--decimal`."""
    decimal = click.option(
        "--decimal", type=click.Choice([".", ","]), help="The decimal mark of scores."
    )
    return form_options(decimal(command))


def score_options(command: Callable) -> Callable:
    """What a person says of a table with human scores: `--group`, `--scale`, `--missing` and
    `--score-value`, next to the `table_options`."""

    @click.option(
        "--group", "groups", multiple=True, metavar="COLUMN",
        help="A column with groups of writers; may be repeated.",
    )  # fmt: skip
    @click.option("--scale", type=Scale(), help="The score scale: 1-6, or 1-5:0.5.")
    @table_options
    @click.option(
        "--missing", multiple=True, metavar="TEXT",
        help="A text that means no value, in scores and groups, such as -1 or TD; may be repeated.",
    )  # fmt: skip
    @click.option(
        "--score-value", "score_values", multiple=True, type=ScoreValue(),
        help="The score that a text stands for, as in low=1; may be repeated.",
    )  # fmt: skip
    @functools.wraps(command)
    def with_reading(score_values: tuple[tuple[str, float], ...], **others: object) -> int:
        return command(score_values=dict(score_values), **others)

    return with_reading


def set_option(command: Callable) -> Callable:
    """`--set`, and `--set-all` for several settings in one text; the command gets `settings`."""

    @click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE",
        help="Override a value of the study's file; may be repeated.",
    )  # fmt: skip
    @click.option(
        "--set-all", default="", metavar="'KEY=VALUE KEY=VALUE'",
        help="Override several values, as SET does for make.",
    )  # fmt: skip
    @functools.wraps(command)
    def with_settings(settings: tuple[str, ...], set_all: str, **others: object) -> int:
        from cyborg_utils.study.settings import split_settings

        return command(settings=(*split_settings(set_all), *settings), **others)

    return with_settings
