"""Security checks of model folders from other sources: code, and links out of the folder."""

from __future__ import annotations

import json
from pathlib import Path

PICKLES = {".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib"}  # loading one runs code


def reject_reason(folder: Path) -> str | None:
    """Why a model's folder must not be loaded, with the remedy; None where it may be."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() and not _stays(path, folder):
            return f"{name} is a link to a file outside the folder: put the file itself there"
        if path.suffix.lower() in PICKLES:
            return (
                f"{name} may run code of its maker when it is loaded: use a folder with "
                "safetensors only"
            )
        if path.suffix.lower() == ".py":
            return f"{name} is code of its maker, which is never run here: use a model without it"
        if path.name in ("config.json", "tokenizer_config.json") and _asks_for_code(path):
            return (
                f"{name} asks for code of its maker (auto_map), which is never run here: use a "
                "model of a kind that transformers has itself"
            )
    return None


def _stays(link: Path, folder: Path) -> bool:
    """Whether a link points into the folder, or to the files of a snapshot in the hub's cache."""
    allowed = [folder.resolve()]
    if folder.parent.name == "snapshots":
        allowed.append(folder.parents[1].resolve() / "blobs")
    return any(link.resolve().is_relative_to(target) for target in allowed)


def _asks_for_code(path: Path) -> bool:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False  # loading it raises a clear error
    return isinstance(config, dict) and "auto_map" in config
