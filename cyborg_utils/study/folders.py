"""The folders of studies, of their results, and of the files that come with the package."""

from __future__ import annotations

import os
from pathlib import Path

HOME = "CYBORG_HOME"  # the environment variable that names another working folder
PACKAGE = Path(__file__).resolve().parents[1]


def working_folder() -> Path:
    """The folder whose `runs/` and `reports/` hold the results, and that relative paths in a
    study start from.

    It is the checkout that contains the current folder; without one, the current folder itself. The
    variable `CYBORG_HOME` names another one. The stages of a run start in its working folder, so
    that they use the same.
    """
    if os.environ.get(HOME):
        return Path(os.environ[HOME]).resolve()
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if is_checkout(folder)), here)


def is_checkout(folder: Path) -> bool:
    """Whether a folder has studies and the notebooks of the project."""
    return (folder / "notebooks" / "01_corpus.ipynb").is_file() and any(
        (folder / "params").glob("*.yaml")
    )


def resource(name: str) -> Path:
    """A file or folder of the project, such as `notebooks`: that of the current checkout, else the
    one that came with the installed package."""
    home = working_folder()
    if is_checkout(home) and (home / name).exists():
        return home / name
    installed = PACKAGE / "shipped"  # where a package installed from a checkout has its files
    return (installed if installed.is_dir() else PACKAGE.parent) / name


def notebooks_folder() -> Path:
    """The folder of the stages' notebooks."""
    return resource("notebooks")


def study_folders() -> list[Path]:
    """Where a study is looked for by its name, the first one first."""
    home = working_folder()
    return list(dict.fromkeys([home / "params", home, resource("params")]))


def params_folder() -> Path:
    """Where a new study is written: `params/` where there is one, else the working folder."""
    home = working_folder()
    return home / "params" if (home / "params").is_dir() else home


def shown_path(path: Path) -> str:
    """A path as messages show it: relative to the working folder where it is below that."""
    path, home = Path(os.path.abspath(path)), working_folder()
    return str(path.relative_to(home) if path.is_relative_to(home) else path)
