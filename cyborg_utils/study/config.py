"""Read and validate a study's configuration.

A study is one YAML file in `params/`. Its values override the defaults of
`cyborg_utils.study.schema.study`; `key=value` settings from the command line or a notebook override
both.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from pydantic import ValidationError

from cyborg_utils.study.folders import shown_path, study_folders
from cyborg_utils.study.schema.base import ParameterError, Strict
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.settings import UNREADABLE, override, read_yaml

COMMAND = "command.json"  # in a study's folder: the arguments of `load_study` for a run


def load_study(study: str = "demo", settings: list[str] | tuple[str, ...] = ()) -> Study:
    """Read and check a study.

    Parameters
    ----------
    study : a path to a YAML file, or the name of one without its ending, which is looked for in
        `params/` of the working folder, in that folder itself, and among the studies that come
        with the package.
    settings : `key=value` strings that override the file, keys with dots, list items by their
        name: `sampling.seeds=[1,2,3]`, `students.electra.epochs=2`. A value that the study keeps
        as text is that text, letter for letter: `title=It's #1`.

    Raises
    ------
    ParameterError
        One line for each error: file, key, value, and what would be valid.
    """
    path = _study_path(study)
    try:
        values = read_yaml(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        message = " ".join(str(error).split())
        raise ParameterError(f"{shown_path(path)}: not readable as YAML: {message}") from None
    if not isinstance(values, dict):
        raise ParameterError(f"{shown_path(path)}: a study is a mapping of keys to values")
    for setting in settings:
        override(values, setting)
    for key in {"name", "settings"} & set(values):
        raise ParameterError(
            f"{shown_path(path)}: {key}: unknown key; a study is named by its file"
        )
    try:
        return Study.model_validate({**values, "name": path.stem, "settings": list(settings)})
    except ValidationError as error:
        lines = [_explain(e, values) for e in error.errors()]
        raise ParameterError("\n".join(f"{shown_path(path)}: {line}" for line in lines)) from None


def _study_path(study: str) -> Path:
    """The file of a study: a path that ends in .yaml or .yml, or a name in `study_folders`."""
    folders = study_folders()
    is_path = study.endswith((".yaml", ".yml"))
    files = [Path(study)] if is_path else [folder / f"{study}.yaml" for folder in folders]
    for path in files:
        if path.is_file():
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", path.stem):
                raise ParameterError(
                    f"{shown_path(path)}: names a study, so use letters, digits, _, - and . only"
                )
            return path
    studies = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
    near = difflib.get_close_matches(study, studies, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ParameterError(f"no study {study!r}: {hint}the studies are {', '.join(studies)}")


def _explain(error: dict, values: dict) -> str:
    """One line for one pydantic error: key, value, what would be valid."""
    node, shown = values, []
    for step in error["loc"]:
        if isinstance(node, list) and isinstance(step, int):
            item = node[step]
            named = isinstance(item, dict) and "name" in item
            shown.append(item["name"] if named else str(step))
            node = item
        elif isinstance(node, dict) and step in node:
            shown.append(str(step))
            node = node[step]
        elif step != error["loc"][-1] or (isinstance(node, dict) and node.get("kind") == step):
            continue  # the tag of a union, not a key of the file
        else:
            shown.append(str(step))
    key = ".".join(shown) or "study"
    value = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(shown[-1], _all_keys(), 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            return f"{key}: unknown key{hint}"
        case "missing":
            return f"{key}: is required and missing"
        case "float_type" | "int_type" if isinstance(value, str):
            hint = ""
            if re.fullmatch(r"[+-]?\d+[eE][+-]?\d+", value):
                mantissa, exponent = re.split("[eE]", value)
                hint = f"; YAML reads {value} as text, write {mantissa}.0e{exponent}"
            return f"{key}: {value!r} is text, not a number{hint}"
        case "value_error":
            return f"{key}: {error['ctx']['error']}"
        case "string_type" if isinstance(value, bool | int | float):
            return f"{key}: {value!r} is not text; write it in quotation marks"
        case "string_pattern_mismatch":
            return f"{key}: {value!r} is not a name; use lowercase letters, digits and _"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"{key}.kind: must be one of {error['ctx'].get('expected_tags', 'those kinds')}"
        case _:
            message = error["msg"][0].lower() + error["msg"][1:]
            return f"{key}: {value!r}: {message.removeprefix('input ')}"


def _all_keys() -> list[str]:
    keys, waiting = set(), list(Strict.__subclasses__())
    while waiting:
        model = waiting.pop()
        keys |= set(model.model_fields)
        waiting += model.__subclasses__()
    return sorted(keys)
