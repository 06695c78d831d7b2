"""Label in shards: an interruption loses one at most, one at a time is in memory, and jobs on
several machines can divide them.

`score_part` scores the shards of one job; the notebook `03_labeling` scores the remaining ones and
combines all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from cyborg_utils.corpus.sampling import draw_subset, without_prompt
from cyborg_utils.labeling.ledger import essays_to_label
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.scorer import Scorer
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import subset_slug
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import (
    base_folder,
    corpus_file,
    corpus_without_texts,
    hash_folder,
    need,
    teacher_folder,
    work_folder,
    write_parquet,
)


def trained_teacher(
    study: Study, teacher: str, fraction: float, draw: int, held_out: int | None = None
) -> Scorer:
    """Load a trained Teacher of a study.

    Raises
    ------
    MissingInput
        It is not trained yet.
    """
    spec = study.teacher(teacher)
    folder = need(teacher_folder(study, teacher, fraction, draw, held_out), study)
    base = base_folder(study, spec)
    if base is not None:
        base = need(base, study)
    return load_scorer(folder, base)


def essays_to_score(
    study: Study,
    corpus: pd.DataFrame,
    teacher: str,
    fraction: float,
    draw: int,
    held_out: int | None = None,
) -> tuple[pd.DataFrame, Path]:
    """The essays that a Teacher scores, and the folder of their shards.

    Parameters
    ----------
    corpus : without the texts and, with a held-out prompt, without its train and dev essays; its
        index is the row in the corpus's file.

    Returns
    -------
    (rows of `corpus`, in its order: the train essays outside U, dev and test; the folder, which
    changes with the Teacher and the essays)
    """
    rest = essays_to_label(corpus, draw_subset(corpus, fraction, draw), study)
    chosen = corpus[corpus.index.isin(rest.index) | (corpus["split"] != "train")]
    trained = teacher_folder(study, teacher, fraction, draw, held_out)
    teacher_sha256 = hash_folder(need(trained, study), skip="teacher.json")
    stage = f"03_labeling--{teacher}--{subset_slug(fraction, draw, held_out)}"
    size = study.labeling.shard_size
    return chosen, work_folder(study, stage, teacher_sha256, size, chosen[["essay_id"]])


def score_in_shards(
    load_model: Callable[[], Scorer],
    essays: pd.DataFrame,
    texts_file: Path,
    folder: Path,
    size: int,
    part: int = 0,
    of: int = 1,
) -> pd.DataFrame | None:
    """Score essays shard by shard and write each finished shard.

    Parameters
    ----------
    load_model : called once, if a shard is missing.
    essays : rows of the corpus; their index is the row in `texts_file`.
    part, of : number of this job, from 0, and number of jobs that divide the shards.

    Returns
    -------
    the scores of all essays in their order, or None where shards of another job are missing
    """
    shards = [essays[first : first + size] for first in range(0, len(essays), size)]
    files = [folder / f"shard-{i:05d}.parquet" for i in range(len(shards))]
    missing = [i for i in range(part, len(shards), of) if not files[i].exists()]
    model = load_model() if missing else None
    start, done, total = time.monotonic(), 0, sum(len(shards[i]) for i in missing)
    if total < len(essays) and of == 1:
        print(f"{len(essays) - total:,} of {len(essays):,} essays are scored already")
    for i in missing:
        scores = model.score(read_texts(texts_file, shards[i].index.to_numpy()))
        scores.insert(0, "essay_id", shards[i]["essay_id"].to_numpy())
        write_parquet(files[i], scores)
        done += len(scores)
        rate = done / (time.monotonic() - start)
        print(
            f"{done:,} of {total:,} essays, {rate:,.1f} a second, "
            f"about {(total - done) / rate:,.0f} s left",
            flush=True,
        )
    if not all(file.exists() for file in files):
        return None
    scores = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    if scores["essay_id"].tolist() != essays["essay_id"].tolist():
        raise ValueError(f"{folder} has shards of other essays; remove it and label again")
    return scores


def read_texts(file: Path, rows: np.ndarray) -> list[str]:
    """The texts of ascending rows of a corpus file; other row groups are not read."""
    parquet = pq.ParquetFile(file)
    sizes = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.unique(np.searchsorted(ends, rows, side="right"))
    rows_read = np.concatenate([np.arange(ends[g] - sizes[g], ends[g]) for g in groups])
    texts = parquet.read_row_groups(groups.tolist(), columns=["text"])["text"]
    return texts.take(np.searchsorted(rows_read, rows)).to_pylist()


def score_part(
    study: str,
    settings: list[str],
    teacher: str,
    fraction: float,
    draw: int,
    held_out: int | None,
    part: int,
) -> None:
    """Score the shards of one job, number `part` of `labeling.jobs`.

    Parameters
    ----------
    study, settings : as for `load_study`.
    teacher, fraction, draw, held_out : the parameters of the notebook `03_labeling`.
    part : from 0.
    """
    loaded, subset = load_study(study, settings), (fraction, draw, held_out)
    corpus = without_prompt(corpus_without_texts(loaded), loaded, held_out)
    essays, folder = essays_to_score(loaded, corpus, teacher, *subset)
    score_in_shards(
        lambda: trained_teacher(loaded, teacher, *subset),
        essays,
        corpus_file(loaded),
        folder,
        loaded.labeling.shard_size,
        part,
        loaded.labeling.jobs,
    )
