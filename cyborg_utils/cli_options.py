"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable

import click


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


def reading_options(command: Callable) -> Callable:
    """`--missing`, `--decimal` and `--score-value`: how scores are written in a file."""

    @click.option(
        "--missing", multiple=True, metavar="TEXT",
        help="A text that means no value, in scores and groups, such as -1 or TD; may be repeated.",
    )  # fmt: skip
    @click.option("--decimal", type=click.Choice([".", ","]), help="The decimal mark of scores.")
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
