"""Provenance of a result: version, commit, date, libraries, device."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata

from pydantic import BaseModel, ConfigDict

from cyborg_utils import __version__
from cyborg_utils.study.folders import PACKAGE, is_checkout

LIBRARIES = (  # whose versions can move a digit
    "numpy", "pandas", "scipy", "statsmodels", "scikit-learn",
    "torch", "transformers", "peft", "accelerate", "tokenizers",
)  # fmt: skip


class Provenance(BaseModel):
    """What made a result; `commit` ends in `+` where files had uncommitted edits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    commit: str | None
    date: datetime
    python: str
    platform: str
    device: str
    libraries: dict[str, str]


def provenance() -> Provenance:
    """The provenance of a result that this process makes now."""
    return Provenance(
        package=__version__,
        commit=_commit(),
        date=datetime.now(UTC).replace(microsecond=0),
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        device=_device(),
        libraries={name: version for name in LIBRARIES if (version := _version(name))},
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> str:
    """The GPU's name where this process uses one, else the kind of processor."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU {platform.processor() or platform.machine()}"


@cache
def _commit() -> str | None:
    """Of the checkout that the package is imported from; None outside one, or without git."""
    checkout = PACKAGE.parent
    if not is_checkout(checkout):
        return None
    try:
        kwargs = dict(cwd=checkout, capture_output=True, text=True, timeout=10, check=True)
        name = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **kwargs).stdout.strip()
        edited = subprocess.run(["git", "status", "--porcelain", "-uno"], **kwargs).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return name + "+" * bool(edited)
