"""Settings that override a study's file, written `key=value`, and YAML that is read with care."""

from __future__ import annotations

import re
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import numpy as np
import yaml

from cyborg_utils.study.schema.base import ParameterError, Strict
from cyborg_utils.study.schema.study import Study

MAX_VALUES = 20_000  # in a study's file
UNREADABLE = (yaml.YAMLError, ValueError)  # an impossible date or number is a ValueError
START = r"[A-Za-z_][\w.-]*="  # of a setting
SETTING = re.compile(rf"{START}(?:'[^']*'|\"[^\"]*\"|.*?)(?=\s+{START}|\s*$)", re.DOTALL)


def split_settings(text: str) -> list[str]:
    """The settings in one text, such as make's SET: `title=It's #1 sampling.seeds=[1, 2]`.

    A setting reaches to the next word that starts with `key=`, or to the end of its quotation
    marks.

    Raises
    ------
    ParameterError
        The text does not start with `key=`.
    """
    if text.strip() and not re.match(START, text.strip()):
        raise ParameterError(f"settings {text!r}: write key=value, such as sampling.seeds=[1,2]")
    return SETTING.findall(text)


def override(values: dict, setting: str) -> None:
    """Write the value of one setting into those of a study's file.

    Raises
    ------
    ParameterError
        It is not written `key=value`, its value is not readable, or nothing has its key.
    """
    key, equals, text = setting.partition("=")
    if not equals or not key.strip():
        raise ParameterError(f"setting {setting!r}: write key=value, such as sampling.seeds=[1,2]")
    *parents, last = steps = key.strip().split(".")
    node = values
    for parent in parents:
        node = _child(node, parent, setting)
    try:
        value = _value(text, _types(Study, steps))
    except UNREADABLE:
        raise ParameterError(f"setting {setting!r}: the value is not readable as YAML") from None
    if not isinstance(node, dict):
        raise ParameterError(f"setting {setting!r}: {'.'.join(parents)} has no keys")
    node[last] = value


def _child(node, key: str, setting: str):
    if isinstance(node, list):
        for item in node:
            if isinstance(item, dict) and item.get("name") == key:
                return item
        names = [item.get("name") for item in node if isinstance(item, dict)]
        raise ParameterError(f"setting {setting!r}: nothing is named {key!r}: use one of {names}")
    if not isinstance(node, dict):
        raise ParameterError(f"setting {setting!r}: the value above {key!r} has no keys")
    return node.setdefault(key, {})


# ---------------------------------------------------------------- text stays text


def _types(annotation, steps: list[str]) -> set:
    """The types that the schema has for the value at a key, whatever kind a part is of."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _types(get_args(annotation)[0], steps)
    if origin in (Union, UnionType):
        return set().union(*(_types(kind, steps) for kind in get_args(annotation)))
    if not steps:
        return {annotation}
    if origin in (list, dict):  # an item by its name, a value by its key
        return _types(get_args(annotation)[-1], steps[1:])
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        field = annotation.model_fields.get(steps[0])
        return _types(field.annotation, steps[1:]) if field else set()
    return set()


def _value(text: str, types: set):
    """A setting's value: text where the study keeps text, else what YAML reads."""
    text = text.strip()
    if NoneType in types and text in ("", "~", "null"):
        return None
    if str not in types:
        texts = [t for t in types if get_origin(t) in (list, dict) and _holds_text(t)]
        return read_yaml(text, _TextLoader if texts else _Loader)
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    try:
        value = read_yaml(text) if quoted else text
    except UNREADABLE:
        return text
    return value if isinstance(value, str) else text


def _holds_text(annotation) -> bool:
    kind = get_args(annotation)[-1]
    return kind is str or (get_origin(kind) is Annotated and get_args(kind)[0] is str)


# ---------------------------------------------------------------- YAML


class _Loader(yaml.SafeLoader):
    """Plain values only, no Python tags; a duplicate key is an error."""

    def compose_mapping_node(self, anchor):
        node, seen = super().compose_mapping_node(anchor), set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.composer.ComposerError(
                    None, None, f"the key {key.value!r} is there twice", key.start_mark
                )
            seen.add(key.value)
        return node


class _TextLoader(_Loader):
    """Lists and mappings of texts: 1_2 and true are not numbers or truth values."""

    yaml_implicit_resolvers = {}


def read_yaml(text: str, loader: type[yaml.SafeLoader] = _Loader) -> object:
    """A text's value; a ValueError where it is deeply nested or repeated endlessly by anchors."""
    try:
        values = yaml.load(text, loader)
        size = _size(values, {}, ())
    except RecursionError:
        size = np.inf
    if size > MAX_VALUES:
        raise ValueError(
            f"it holds more than {MAX_VALUES:,} values, through anchors or nesting; write them out"
        )
    return values


def _size(value, sizes: dict, parents: tuple) -> float:
    """How many values there are once every anchor is expanded; each is visited once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) in parents:
        return np.inf
    if id(value) not in sizes:
        items = value.values() if isinstance(value, dict) else value
        sizes[id(value)] = 1 + sum(_size(item, sizes, (*parents, id(value))) for item in items)
    return sizes[id(value)]
