"""Export of cyborg data as a dataset with a card, which the library `datasets` opens."""

from __future__ import annotations

import hashlib
import hmac
import html
from pathlib import Path

import pandas as pd

from cyborg_utils import __version__
from cyborg_utils.corpus.columns import group_columns
from cyborg_utils.statistics.groups import group_levels
from cyborg_utils.study.design import condition
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.schema.published import SOURCES
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import corpus_file, need, new_folder, read_ledger, write_parquet

DATA = "data/train.parquet"
CORPUS_LICENSE = "see the corpus's own license"


def export_cyborg_data(
    study: Study,
    teacher: str,
    fraction: float,
    draw: int,
    folder: Path,
    held_out: int | None = None,
    license: str = CORPUS_LICENSE,
) -> Path:
    """Write the cyborg data of one Teacher and one U as a dataset: Parquet, and a dataset card.

    `datasets.load_dataset(folder)` opens it. It has one row per train essay: `essay_id`;
    `label_source`, human or teacher; `score`, `expected` and `linked_score`, with the Teacher's
    probabilities `p_<label>` where it gives them, again for each trait; `teacher`, its name, for
    its labels; `prompt` and the study's groups.

    For real essays it has no text, and keyed hashes as ids, unless the study sets
    `evaluation.privacy.show_essays`; published corpora keep their ids. Prompt and groups are
    empty where fewer than `evaluation.privacy.min_cell` essays share all of them.

    Parameters
    ----------
    folder : must not exist yet; it is written under a temporary name, then renamed.
    held_out : position in `sampling.held_out_prompts` of the prompt that the Teacher was trained
        without.
    license : an identifier of the hub, such as `cc-by-4.0`, or a note.

    Returns
    -------
    the folder

    Raises
    ------
    ParameterError
        The study has no such cyborg data, or the folder exists.
    MissingInput
        Stage 03 has not written it yet.
    """
    run = condition(study, "cyborg", teacher, fraction, draw, held_out=held_out)
    if folder.exists():
        raise ParameterError(f"{folder}: already exists; remove it, or name another folder")
    ledger = read_ledger(study, teacher, run.fraction, run.draw, run.held_out)
    corpus = pd.read_parquet(need(corpus_file(study), study))
    rows, withheld = exported_rows(study, teacher, ledger, corpus)
    with new_folder(folder) as temporary:
        write_parquet(temporary / DATA, rows)
        card = dataset_card(study, study.teacher(teacher), fraction, draw, held_out, rows, license)
        if withheld:
            card += (
                f"- Prompt and groups are empty for {withheld:,} essays: fewer than "
                f"{study.least_shown} share them, or they protect those (complementary "
                "suppression).\n"
            )
        (temporary / "README.md").write_text(card, encoding="utf-8")
    return folder


def exported_rows(
    study: Study, teacher: str, ledger: pd.DataFrame, corpus: pd.DataFrame
) -> tuple[pd.DataFrame, int]:
    """The rows of the dataset, in the order of their ids, and the number of essays whose prompt
    and groups are suppressed.

    Parameters
    ----------
    ledger : `essay_id, label_source, score, expected, linked_score` and `p_<label>`, again for each
        trait.
    corpus : every essay of the study, with its text.
    """
    essays = corpus.set_index("essay_id").loc[ledger["essay_id"]]
    groups = ["prompt", *(g for g in group_columns(corpus, study) if g != "prompt")]
    values = pd.DataFrame({group: group_levels(essays, group)[1] for group in groups})
    small = _in_small_cells(values, study.least_shown)
    values = values.mask(small).astype(object)
    taken = {*ledger, "teacher", "text"}
    values.columns = [f"group_{name}" if name in taken else name for name in groups]
    rows = ledger.assign(teacher=ledger["label_source"].map({"teacher": teacher}))
    rows = rows.join(values.reset_index(drop=True))
    if study.shows_essays:
        rows["text"] = essays["text"].to_numpy()
    if not _keeps_ids(study):
        rows["essay_id"] = _keyed_hashes(rows["essay_id"], corpus["text"])
    return rows.sort_values("essay_id", ignore_index=True), int(small.sum())


def _keeps_ids(study: Study) -> bool:
    """Whether ids are exported as they are: those of published corpora are public."""
    return study.shows_essays or study.corpus.kind in SOURCES


def _in_small_cells(values: pd.DataFrame, least: int) -> pd.Series:
    """Which rows have values that fewer than `least` share; and those of the next larger cells,
    until `least` rows are suppressed together."""
    cells = values.groupby(list(values), sort=True).ngroup()
    counts = cells.value_counts().sort_values(kind="stable")
    if not (counts < least).any():
        return pd.Series(False, values.index)
    fewer_before = counts.cumsum() - counts < least
    return cells.isin(counts.index[(counts < least) | fewer_before])


def _keyed_hashes(ids: pd.Series, texts: pd.Series) -> pd.Series:
    """Ids that can be matched to the corpus's own only with the essays."""
    key = hashlib.sha256("\0".join(texts).encode()).digest()
    return ids.map(lambda id: hmac.new(key, id.encode(), "sha256").hexdigest()[:16])


# ---------------------------------------------------------------- the card


def dataset_card(
    study: Study,
    teacher: Teacher,
    fraction: float,
    draw: int,
    held_out: int | None,
    rows: pd.DataFrame,
    license: str = CORPUS_LICENSE,
) -> str:
    """The dataset's README.md, with the metadata that the Hugging Face hub reads.

    Parameters
    ----------
    rows : of the dataset, with `label_source`.
    """
    from huggingface_hub import DatasetCardData

    counts = rows["label_source"].value_counts()
    human, machine = int(counts.get("human", 0)), int(counts.get("teacher", 0))
    data = DatasetCardData(
        license="other" if " " in license else license,
        pretty_name=f"{study.title}: cyborg data",
        tags=["automated-essay-scoring", "cyborg-data", "pseudo-labels"],
        configs=[{"config_name": "default", "data_files": [{"split": "train", "path": DATA}]}],
    )
    labels = study.labels
    without = ""
    if held_out is not None:
        prompt = _plain_text(study.sampling.held_out_prompts[held_out])
        without = f", without the essays on the held-out prompt, {prompt}"
    lines = [
        "---",
        data.to_yaml().strip(),
        "---",
        "",
        f"# {_plain_text(study.title)}: cyborg data",
        "",
        f"{len(rows):,} {'simulated ' * study.simulated}train essays of the study {study.name}, "
        f"each with one label: {human:,} scored by human raters, {machine:,} by a Teacher.",
        "",
        f"- **License**: {license}.",
        f"- **Scale**: {labels[0]} to {labels[-1]}, {len(labels)} points.",
        f"- **Teacher**: {teacher.name}, {_about(teacher)}.",
        f"- **Fraction**: {fraction:g} of the scored train essays, draw {draw}{without}.",
        "",
        "## How it was made",
        "",
        f"The human-scored subset of {human:,} essays was drawn at random from the scored train "
        "essays and keeps its human scores. The Teacher was trained on it and scored the other "
        "train essays; their human scores, if any, are not included. Written by cyborg_utils "
        f"{__version__}.",
    ]
    sections = [*_columns_section(study, rows), *_limits_section(study, rows)]
    return "\n".join(lines + sections) + "\n"


def _columns_section(study: Study, rows: pd.DataFrame) -> list[str]:
    lines = [f"- `{name}`: {meaning}." for name, meaning in COLUMNS.items() if name in rows]
    if any(name.startswith("p_") for name in rows):
        lines.append("- `p_<label>`: the Teacher's probability of each score.")
    if len(study.traits) > 1:
        lines.append("- `score:<trait>` and the like: the same for a trait.")
    return ["", "## Columns", "", *lines, "- The other columns are subgroups of examinees."]


def _limits_section(study: Study, rows: pd.DataFrame) -> list[str]:
    lines = [
        "- A Teacher's labels have its errors and its bias, also by subgroup, and a model trained "
        "on them learns both (error propagation). Evaluate it on human scores of other essays.",
        "- The essays of the dev and test sets are not included.",
    ]
    if "text" not in rows:
        lines.append("- The texts are not included.")
    if not _keeps_ids(study):
        lines.append("- Ids are keyed hashes: they can be matched to essays only with the essays.")
    return ["", "## Limits", "", *lines]


COLUMNS = {
    "essay_id": "the essay's id",
    "label_source": "`human` or `teacher`",
    "score": "the label, a point of the scale",
    "expected": "the Teacher's expected score; for a human label the score itself",
    "linked_score": "the label with the spread of the human scores; for a human label itself",
    "teacher": "the Teacher's name, for its labels",
    "prompt": "the prompt that the essay answers",
    "text": "the essay",
}


def _plain_text(value: str) -> str:
    """A title or name on one line, without HTML."""
    return html.escape(" ".join(value.split()), quote=False)


def _about(teacher: Teacher) -> str:
    """Which model a Teacher is; a local folder is not named."""
    model = getattr(teacher, "model", None)
    if model is None:
        return "a classical model of word frequencies"
    if model.hub:
        return f"{model.hub} at {model.revision}"
    if model.from_scratch:
        return f"a small {model.from_scratch.architecture} trained from random weights"
    return "a pretrained model from a local folder"
