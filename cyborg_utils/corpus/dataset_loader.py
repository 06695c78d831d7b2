"""Corpora that the library `datasets` reads: of the Hugging Face hub, or in a local folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.study.folders import shown_path, working_folder
from cyborg_utils.study.schema.corpora import DatasetCorpus

SAVED = ("dataset_dict.json", "state.json")  # files of a folder that `save_to_disk` wrote


def dataset_name(spec: DatasetCorpus) -> str:
    """A dataset as messages name it."""
    if spec.hub:
        return f"dataset {spec.hub} at {spec.revision}"
    return f"dataset {shown_path(working_folder() / spec.folder)}"


def dataset_folder(spec: DatasetCorpus, download: bool = True) -> Path:
    """The folder with a dataset's files, downloaded where it is of the hub.

    Without `download` only what the hub's cache has whole is taken.

    Raises
    ------
    TableError
        There is no such folder, or the hub does not give the dataset; one sentence with the remedy.
    """
    name = dataset_name(spec)
    if spec.folder:
        folder = working_folder() / spec.folder
        if not folder.is_dir():
            raise TableError(f"{name}: no such folder; correct corpus.folder in the study's YAML")
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    try:
        return Path(
            snapshot_download(
                spec.hub,
                repo_type="dataset",
                revision=spec.revision,
                local_files_only=not download,
            )
        )
    except GatedRepoError:
        raise TableError(
            f"{name} is gated: accept its license on its page and log in with `hf auth login`"
        ) from None
    except (HfHubHTTPError, HFValidationError) as error:
        raise TableError(
            f"{name}: {str(error).splitlines()[0]}; correct corpus.hub or corpus.revision"
        ) from None
    except OSError:
        raise TableError(
            f"{name} is not whole in the cache, and the hub cannot be reached from here: connect, "
            "or name a local copy with corpus.folder"
        ) from None


def read_splits(spec: DatasetCorpus, columns: Iterable[str]) -> dict[str, pd.DataFrame]:
    """The rows of every split that a study names; class labels are given as their names.

    Parameters
    ----------
    columns : those that the study reads. In CSV files they are taken as texts, letter for letter.

    Raises
    ------
    TableError
        The dataset cannot be had or read, or lacks a split; one sentence with the remedy.
    """
    folder = dataset_folder(spec)
    with TemporaryDirectory(ignore_cleanup_errors=True) as cache:  # essays stay in no cache
        loaded = _load(folder, spec, list(columns), cache)
        frames = {}
        for part, splits in spec.splits:
            for split in splits:
                if split not in loaded:
                    raise TableError(
                        f"{dataset_name(spec)}: corpus.splits.{part}: no split {split!r}; it has "
                        f"{', '.join(map(repr, loaded))}"
                    )
                frames[split] = _frame(loaded[split])
    return frames


def _load(folder: Path, spec: DatasetCorpus, columns: list[str], cache: str) -> dict:
    """Each split of a dataset."""
    import datasets

    datasets.disable_progress_bars()  # its bars are scripts in a rendered report
    try:
        if any((folder / file).is_file() for file in SAVED):
            loaded = datasets.load_from_disk(str(folder), keep_in_memory=True)
        else:
            builder = datasets.load_dataset_builder(str(folder), spec.config, cache_dir=cache)
            as_texts = {
                "converters": dict.fromkeys(columns, str),
                "keep_default_na": False,
                "na_values": [""],
            }
            loaded = datasets.load_dataset(
                str(folder),
                spec.config,
                cache_dir=cache,
                keep_in_memory=True,
                **(as_texts if hasattr(builder.config, "converters") else {}),  # of CSV alone
            )
    except Exception as error:  # of each format's own reader
        cause = error.__cause__ or error
        raise TableError(
            f"{dataset_name(spec)}: not readable as a dataset ({' '.join(str(cause).split())}): "
            "correct corpus.config, or name a folder that save_to_disk wrote or that has whole "
            "Parquet, CSV or JSON files"
        ) from None
    single = isinstance(loaded, datasets.Dataset)
    return {str(loaded.split or "train"): loaded} if single else dict(loaded)


def _frame(split) -> pd.DataFrame:
    import datasets

    frame = split.to_pandas()
    for column, feature in split.features.items():
        if isinstance(feature, datasets.ClassLabel):
            names = dict(enumerate(feature.names))  # another number, -1 say, is none of them
            frame[column] = frame[column].map(names)
    return frame
