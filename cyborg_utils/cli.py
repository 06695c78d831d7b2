"""The command `cyborg`.

Each command imports what it needs once it is called: libraries that take seconds to load would
slow down `cyborg --help`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from cyborg_utils import __version__
from cyborg_utils.cli_hand_scoring import collect, draw
from cyborg_utils.cli_options import (
    column_options,
    score_options,
    set_option,
    table_options,
)

MODELS = {  # what the extra `models` installs
    "torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "datasets",
    "huggingface_hub",
}  # fmt: skip
FILE = click.Path(path_type=Path)
Texts = tuple[str, ...]
Choice = str | bool | tuple | dict | None


class InOrder(click.Group):
    """Commands that help lists in the order in which they are defined here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


study_argument = click.argument("study")
cores_option = click.option(
    "--cores", type=click.IntRange(min=1), default=lambda: os.cpu_count() or 1,
    help="Cores of this machine that are used (default: all).",
)  # fmt: skip


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cyborg")
def commands() -> None:
    """Run studies of automated essay scoring with few human scores.

    A STUDY is a YAML file, or the name of one in params/ or among those that the package ships,
    such as demo.
    """


@commands.command()
@study_argument
@set_option
@cores_option
@click.option("--profile", help="A folder of profiles/ that says how a cluster is used.")
@click.option("--dry-run", is_flag=True, help="Show what would run, and run nothing.")
@click.argument("snakemake_options", nargs=-1, type=click.UNPROCESSED)
def run(
    study: str,
    settings: Texts,
    cores: int,
    profile: str | None,
    dry_run: bool,
    snakemake_options: Texts,
) -> int:
    """Run a study and render its reports.

    Finished stages are not repeated. Options after -- go to Snakemake, as in: cyborg run demo --
    --keep-incomplete
    """
    from cyborg_utils.workflow.runner import run_study

    return run_study(study, settings, cores, profile, dry_run, snakemake_options)


@commands.command()
@click.argument("name")
@click.argument("essays", metavar="ESSAYS.csv", type=FILE)
@column_options(
    id="the essays' ids", text="the essays", score="the human scores",
    second="a second rater's scores", prompt="the prompt of each essay",
    split="the part of each essay: train, dev or test",
    writer="the writer of each essay, where some wrote several",
)  # fmt: skip
@score_options
@click.option("--blanks", type=click.Choice(["drop", "lowest", "refuse"]), default="drop",
              help="What becomes of essays without a text (default: drop).")  # fmt: skip
@click.option("--drop-duplicates", is_flag=True, help="Leave out copies of an essay; its human "
              "scores are kept.")  # fmt: skip
@click.option("--no-test", is_flag=True, help="Keep no test set: fewer than 2,000 scored "
              "essays are evaluated by cross-fitting alone, more are not.")  # fmt: skip
@click.option("--title", help="Of the study, as its pages show it.")
@click.option("--about", help="What the study is for, in a sentence.")
def new(name: str, essays: Path, second: str | None, **choices: Choice) -> int:
    """Write a study of your own essays from a table.

    The file has one row per essay; the study is NAME.yaml. Columns that are not named are inferred
    from their names and values; what remains in doubt is listed, each with the option that decides
    it.
    """
    from cyborg_utils.workflow.essay_table import Choices
    from cyborg_utils.workflow.new_study import write_study

    def ask(question: str, proposed: str) -> str:
        return click.prompt(question, proposed)

    choices = Choices(second_score=second, **choices)
    write_study(name, essays, choices, ask if sys.stdin.isatty() else None, estimate=True)
    return 0


@commands.command()
@click.argument("student", type=FILE)
@click.argument("essays", metavar="ESSAYS.csv", type=FILE)
@click.argument("out", metavar="OUT.csv", type=FILE)
@column_options(id="the essays' ids", text="the essays")
@table_options
def score(
    student: Path, essays: Path, out: Path, id: str | None, text: str | None, **reading: Choice
) -> int:
    """Score new essays with a saved Student.

    STUDENT is its model folder, below runs/.
    """
    from cyborg_utils.workflow.score_essays import score_file, summary

    click.echo(summary(score_file(student, essays, out, id, text, **reading), out))
    return 0


@commands.command()
@click.argument("scores", metavar="SCORES.csv", type=FILE)
@column_options(human="the human scores")
@click.option("--machine", "machines", multiple=True, metavar="COLUMN",
              help="A column with the scores of a machine; may be repeated.")  # fmt: skip
@column_options(second="a second rater's scores", id="the essays' ids",
                prompt="the prompt of each essay",
                probability="the probability with which an essay was drawn to be scored by "
                "people")  # fmt: skip
@score_options
@click.option("--name", help="Of the study that is written (default: after the file).")
@click.option("--out", type=FILE, help="Where study and reports go (default: the current folder).")
@cores_option
def evaluate(
    scores: Path,
    name: str | None,
    out: Path | None,
    cores: int,
    **choices: Choice,
) -> int:
    """Report agreement and fairness of the scores in a table.

    It has one row per essay, with a human score and the scores of one or more machines. Columns
    that are not named are inferred from their names and values.
    """
    from cyborg_utils.study.folders import HOME
    from cyborg_utils.workflow.evaluate_scores import Choices, write_evaluation
    from cyborg_utils.workflow.runner import run_study

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        os.environ[HOME] = str(out.resolve())
    return run_study(write_evaluation(scores, Choices(**choices), name), cores=cores)


commands.add_command(draw)
commands.add_command(collect)


@commands.command()
@study_argument
@set_option
def check(study: str, settings: Texts) -> int:
    """Check whether this machine can run a study.

    One line per need, OK or FAIL, with the remedy.
    """
    from cyborg_utils.workflow.preflight import check_study

    return check_study(study, settings)


@commands.command()
@study_argument
@set_option
@cores_option
@click.option("--tiny", is_flag=True, help="Use very small models.")
@click.argument("snakemake_options", nargs=-1, type=click.UNPROCESSED)
def rehearse(study: str, settings: Texts, cores: int, tiny: bool, snakemake_options: Texts) -> int:
    """Run a study with random weights, before any download.

    Its models have the sizes of the real ones; their scores mean nothing.
    """
    from cyborg_utils.workflow.rehearsal import write_rehearsal

    path = write_rehearsal(study, settings, tiny)
    command = [sys.executable, "-m", "cyborg_utils", "run", str(path), "--cores", str(cores)]
    # In place of this process: the models that it made would keep their memory on the GPU.
    os.execv(sys.executable, [*command, "--", *snakemake_options])


@commands.command()
@study_argument
@click.argument("folder", type=FILE)
@set_option
@click.option("--teacher", help="Default: the first of the study.")
@click.option("--fraction", type=float, help="Default: the study's primary fraction.")
@click.option("--draw", type=int, help="Default: the first of the study.")
@click.option("--held-out", type=int, help="Position of the held-out prompt, from 0.")
@click.option("--license", help="Of the dataset: an identifier of the hub, or a note.")
def export(
    study: str,
    folder: Path,
    settings: Texts,
    teacher: str | None,
    fraction: float | None,
    draw: int | None,
    held_out: int | None,
    license: str | None,
) -> int:
    """Write a study's cyborg data as a dataset with a card.

    datasets.load_dataset opens it. The labeling must have run.
    """
    from cyborg_utils.labeling.export import CORPUS_LICENSE, export_cyborg_data
    from cyborg_utils.study.config import load_study
    from cyborg_utils.study.schema.base import ParameterError

    loaded = load_study(study, settings)
    if not loaded.teachers:
        raise ParameterError(f"study {loaded.name} has no Teacher, so it has no cyborg data")
    path = export_cyborg_data(
        loaded,
        teacher or loaded.teachers[0].name,
        loaded.primary_fraction if fraction is None else fraction,
        loaded.sampling.draws[0] if draw is None else draw,
        folder,
        held_out,
        license or CORPUS_LICENSE,
    )
    click.echo(f"wrote {path}")
    return 0


# ---------------------------------------------------------------- for the project itself


@commands.command()
def workshop() -> int:
    """Write copies of the notebooks for a workshop.

    The participants' copies have no solutions; the instructor's have.
    """
    from cyborg_utils.teaching.workshop import write_workshop

    write_workshop()
    return 0


@commands.command()
def precomputed() -> int:
    """Ship the results of the demo and the tour.

    For the project itself, after both have run.
    """
    from cyborg_utils.teaching.precomputed import ship_results

    ship_results()
    return 0


@commands.command()
def readme() -> int:
    """Write the studies' findings into README.md and docs.

    For the project itself, in a checkout.
    """
    from cyborg_utils.reporting.readme import write_pages

    write_pages()
    return 0


# ---------------------------------------------------------------- what Snakemake calls


@commands.command("run-stage", hidden=True)
@click.argument("notebook")
@click.argument("executed", type=FILE)
@click.argument("report", type=FILE)
@click.argument("command", type=FILE)
@click.argument("parameters")
def run_stage(notebook: str, executed: Path, report: Path, command: Path, parameters: str) -> int:
    """Run one notebook, and render its page.

    COMMAND is a JSON file with the study and its settings, PARAMETERS the notebook's others.
    """
    # Every check of a notebook's JSON would compile this grammar of URIs, for over a second.
    sys.modules.setdefault("rfc3987_syntax", None)
    from cyborg_utils.reporting import notebooks

    notebooks.run_stage(notebook, executed, report, _values(command, parameters))
    return 0


@commands.command("label-part", hidden=True)
@click.argument("command", type=FILE)
@click.argument("parameters")
def label_part(command: Path, parameters: str) -> int:
    """Score one job's share of the essays that a Teacher labels.

    COMMAND and PARAMETERS are as for run-stage.
    """
    from cyborg_utils.labeling.sharding import score_part

    score_part(**_values(command, parameters))
    return 0


def _values(command: Path, parameters: str) -> dict:
    """The study, its settings and a stage's other parameters."""
    return json.loads(command.read_text(encoding="utf-8")) | json.loads(parameters)


# ---------------------------------------------------------------- errors


def main(arguments: list[str] | None = None) -> int:
    """Run a command line.

    Parameters
    ----------
    arguments : of the command, by default those of this process.

    Returns
    -------
    the exit status: 0 where all went well, 2 where the message on standard error says what to do
    """
    try:
        return commands.main(arguments, "cyborg", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("stopped; the same command continues from here", err=True)
        return 130
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in MODELS:
            raise
        click.echo(f"this needs {error.name}: pip install 'cyborg-data[models]'", err=True)
        return 2
    except Exception as error:
        if not _for_the_reader(error):
            raise
        click.echo(str(error), err=True)
        return 2


def _for_the_reader(error: Exception) -> bool:
    """Whether an error's message says all: one of the package's own classes, or of the system."""
    return isinstance(error, OSError) or type(error).__module__.startswith("cyborg_utils.")
