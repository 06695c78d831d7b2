"""The commands of hand scoring: `cyborg draw` and `cyborg collect`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import click

from cyborg_utils.cli_options import Scale, column_options, form_options

FILE = click.Path(path_type=Path)
SHARE = click.FloatRange(0, 1)


def pool_options(command: Callable) -> Callable:
    """What a person says of a file that essays are drawn from; the command gets it as `pool`."""

    @click.option(
        "--group", "groups", multiple=True, metavar="COLUMN",
        help="A column with groups of writers, for a draw; may be repeated.",
    )  # fmt: skip
    @column_options(
        id="the essays' ids",
        text="the essays",
        prompt="the prompt of each essay",
        score="human scores that some essays have already: these are not drawn",
    )
    @form_options
    @functools.wraps(command)
    def with_pool(**given: object) -> int:
        names = ("id", "text", "prompt", "score", "groups", "row_ids", "form")
        return command(pool={name: given.pop(name) for name in names}, **given)

    return with_pool


@click.command()
@click.argument("essays", metavar="ESSAYS.csv", type=FILE)
@click.option("--for", "purpose", type=click.Choice(["training", "evaluation"]), required=True,
              help="What the scores serve; no essay serves both.")  # fmt: skip
@click.option("--n", type=click.IntRange(min=1), help="Number of essays.")
@click.option("--method", type=click.Choice(["random", "stratified", "cluster", "groups"]),
              help="Default: random, or groups with --per-group.")  # fmt: skip
@click.option("--per-group", type=click.IntRange(min=1), metavar="N",
              help="Essays wanted of every level of the --group columns.")  # fmt: skip
@click.option("--floor", type=SHARE, default=0.5, metavar="SHARE", help="With --per-group: the "
              "lowest probability, as a share of the mean one (default: 0.5).")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=1, help="Of the draw (default: 1).")
@click.option("--raters", type=click.IntRange(min=1),
              help="Number of sheets (default: 1, or 2 with --double).")  # fmt: skip
@click.option("--double", type=SHARE, default=0.0, metavar="SHARE",
              help="Share of the essays that two raters score, such as 0.2.")  # fmt: skip
@click.option("--rubric", type=FILE, help="A text file, for the workbooks' second worksheet.")
@pool_options
def draw(essays: Path, pool: dict, **choices: object) -> int:
    """Draw essays to be scored by hand, and write score sheets.

    The sheets lie beside ESSAYS.csv, and so does the ledger of all draws; the next draw continues
    it.
    """
    from cyborg_utils.workflow.draw_essays import DrawChoices, draw_file
    from cyborg_utils.workflow.essay_pool import PoolColumns

    draw_file(essays, PoolColumns(**pool), DrawChoices(**choices), click.echo)
    return 0


@click.command()
@click.argument("sheets", metavar="SHEET...", nargs=-1, required=True, type=FILE)
@click.option("--essays", metavar="ESSAYS.csv", type=FILE, required=True,
              help="The file that the essays were drawn from.")  # fmt: skip
@click.option("--scale", type=Scale(), help="The score scale: 1-6, or 1-5:0.5.")
@click.option("--incomplete", is_flag=True, help="Leave out essays without a score.")
@click.option("--out", metavar="OUT.csv", type=FILE,
              help="The scored file (default: ESSAYS-scored.csv).")  # fmt: skip
@pool_options
def collect(sheets: tuple[Path, ...], essays: Path, pool: dict, **choices: object) -> int:
    """Collect finished score sheets into one scored file.

    Checks the sheets, reports the agreement and severity of the raters, and writes a sheet for a
    third rater of essays whose two scores are more than one step apart.
    """
    from cyborg_utils.workflow.collect_scores import CollectChoices, collect_files
    from cyborg_utils.workflow.essay_pool import PoolColumns

    columns = PoolColumns(**pool)
    collect_files(list(sheets), essays, columns, CollectChoices(**choices), click.echo)
    return 0
