"""Hash of what decides, besides its input files, whether a stage is rerun.

That is code, settings and libraries. Only code that produces results counts: the notebook's code
cells that a report shows, and the modules of some subpackages that these cells import, directly or
indirectly. The code that defines and runs a study (`study`, `workflow`, the command line) changes
no number: its settings count by value.
"""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from importlib import metadata
from pathlib import Path

from cyborg_utils.study.notebook_cells import report_code

PACKAGE = Path(__file__).parents[1]
COMPUTES = ("statistics", "corpus", "models", "labeling")  # the code that computes numbers
SHOWS = (*COMPUTES, "analysis", "reporting")  # and that makes a page's tables, figures and text
TEACHES = (*SHOWS, "teaching")


def code_hash(
    notebook: str,
    *settings: object,
    subpackages: tuple[str, ...] = COMPUTES,
    modules: tuple[str, ...] = (),
    libraries: tuple[str, ...] = (),
) -> str:
    """Hash everything that a stage's result depends on besides its input files.

    Prose, comments and docstrings do not count, nor do cells that no report shows.

    Parameters
    ----------
    notebook : name of the stage's notebook.
    settings : values of the study that the stage uses; JSON values or pydantic models.
    subpackages : those whose modules count: `COMPUTES` for a stage that draws, trains or labels,
        so that an edit of its page's layout reruns nothing; `SHOWS` where the page is the result.
    modules : dotted names of modules that are chosen at run time, by the kind of a model, and that
        no import statement names.
    libraries : names of distributions whose installed versions count.

    Returns
    -------
    16 hexadecimal digits
    """
    code = report_code(notebook)
    counted = reachable(code, subpackages, modules)
    parts = [_meaning(code)]
    parts += [f"{name}\n{_meaning(_source(_file(name)))}" for name in sorted(counted)]
    for folder in sorted({_file(name).parent for name in counted}):
        parts += [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))]
    parts += [json.dumps(s, sort_keys=True, default=lambda v: v.model_dump()) for s in settings]
    parts += [f"{name} {metadata.version(name)}" for name in sorted(libraries)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def reachable(code: str, subpackages: tuple[str, ...], modules: tuple[str, ...] = ()) -> set[str]:
    """Dotted names of the modules of some subpackages that code imports, directly or indirectly.

    A name that is imported from a subpackage counts as imported from the module that defines it.
    """
    waiting, counted = list(modules), set()
    waiting += _imports(code)
    while waiting:
        name = waiting.pop()
        if name in counted or name.split(".")[1] not in subpackages:
            continue
        counted.add(name)
        waiting += _imports(_source(_file(name)))
    return counted


@cache
def _imports(code: str) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"relative import of {node.module}: the package imports by full names")
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == PACKAGE.name:
            names |= {_module_of(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name for a in node.names if a.name.startswith(f"{PACKAGE.name}.")}
    return frozenset(n for n in names if _file(n).name != "__init__.py")


def _module_of(module: str, name: str) -> str:
    """The module that defines an imported name, resolved through the `__init__` of subpackages."""
    if _file(f"{module}.{name}").is_file():
        return f"{module}.{name}"
    if _file(module).name == "__init__.py":
        for node in ast.parse(_source(_file(module))).body:
            if isinstance(node, ast.ImportFrom) and name in [a.name for a in node.names]:
                return _module_of(node.module, name)
    return module


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _meaning(code: str) -> str:
    """The code without comments and docstrings."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = body[1:]
    return ast.dump(tree)
