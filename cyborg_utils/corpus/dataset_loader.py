"""Datasets of the Hugging Face hub or in a local folder, read by the library `datasets`."""

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
    """The name of a dataset in messages."""
    if spec.hub:
        return f"dataset {spec.hub} at {spec.revision}"
    return f"dataset {shown_path(working_folder() / spec.folder)}"


def dataset_folder(spec: DatasetCorpus, download: bool = True) -> Path:
    """The folder with a dataset's files, downloaded if it is on the hub.

    Without `download`, only a complete copy in the hub's cache is used.

    Raises
    ------
    TableError
        There is no such folder, or the dataset cannot be downloaded.
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
            f"{name} is not complete in the cache, and the hub cannot be reached: connect, or "
            "name a local copy with corpus.folder"
        ) from None


def read_splits(spec: DatasetCorpus, columns: Iterable[str]) -> dict[str, pd.DataFrame]:
    """The rows of every split that a study names; class labels become their names.

    Parameters
    ----------
    columns : those that the study reads. In CSV files they are read as text, unchanged.

    Raises
    ------
    TableError
        The dataset cannot be downloaded or read, or has no such split.
    """
    folder = dataset_folder(spec)
    with TemporaryDirectory(ignore_cleanup_errors=True) as cache:  # no essays remain in a cache
        loaded = _load(folder, spec, list(columns), cache)
        frames = {}
        for key, names in spec.splits:
            for name in names:
                if name not in loaded:
                    raise TableError(
                        f"{dataset_name(spec)}: corpus.splits.{key}: no split {name!r}; it has "
                        f"{', '.join(map(repr, loaded))}"
                    )
                frames[name] = _frame(loaded[name])
    return frames


def _load(folder: Path, spec: DatasetCorpus, columns: list[str], cache: str) -> dict:
    """Each split of a dataset."""
    import datasets

    datasets.disable_progress_bars()  # they are scripts in a rendered report
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
                **(as_texts if hasattr(builder.config, "converters") else {}),  # only CSV has it
            )
    except Exception as error:  # each format's reader raises its own
        cause = error.__cause__ or error
        raise TableError(
            f"{dataset_name(spec)}: not readable as a dataset ({' '.join(str(cause).split())}): "
            "correct corpus.config, or name a folder that save_to_disk wrote or that has complete "
            "Parquet, CSV or JSON files"
        ) from None
    single = isinstance(loaded, datasets.Dataset)
    return {str(loaded.split or "train"): loaded} if single else dict(loaded)


def _frame(split) -> pd.DataFrame:
    import datasets

    frame = split.to_pandas()
    for column, feature in split.features.items():
        if isinstance(feature, datasets.ClassLabel):
            names = dict(enumerate(feature.names))  # other numbers, such as -1, become missing
            frame[column] = frame[column].map(names)
    return frame
