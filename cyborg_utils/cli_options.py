"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable

import click


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
