"""The rules that keep the package in order; the layers are a contract in pyproject.toml."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cyborg_utils"
INITS = sorted(PACKAGE.glob("*/**/__init__.py"))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def defined_names(file: Path) -> set[str]:
    """What a module defines at its top level; what it imports does not count."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for target in targets for n in ast.walk(target) if hasattr(n, "id")}
    return names


def imports_of_the_package() -> Iterator[tuple[str, str, str]]:
    """File, module and name of every `from cyborg_utils... import name`."""
    for folder in ("cyborg_utils", "tests", "benchmarks", "notebooks"):
        for path in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).glob("*.ipynb")]:
            code = path.read_text(encoding="utf-8")
            if path.suffix == ".ipynb":
                cells = [c for c in json.loads(code)["cells"] if c["cell_type"] == "code"]
                code = "\n".join("".join(cell["source"]) for cell in cells)
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("cyborg_utils"):
                    yield from ((place(path), node.module, a.name) for a in node.names)


def test_names_are_imported_from_the_module_that_defines_them():
    """But for the public API of the statistics, which the package itself does not use."""
    wrong = []
    for file, module, name in imports_of_the_package():
        path = ROOT / module.replace(".", "/")
        if module == "cyborg_utils.statistics" and not file.startswith("cyborg_utils/"):
            continue
        if path.is_dir() and ((path / f"{name}.py").is_file() or (path / name).is_dir()):
            continue
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if name not in defined_names(source) and file != "cyborg_utils/statistics/__init__.py":
            wrong.append(f"{file}: {name} from {module}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("init", INITS, ids=place)
def test_every_subpackage_names_what_there_is(init):
    """Its docstring says what it is, and names modules and functions that exist."""
    tree = ast.parse(init.read_text(encoding="utf-8"))
    named = re.findall(r"`([\w.]+)`", ast.get_docstring(tree))
    assert named or place(init).startswith("cyborg_utils/statistics")
    for name in named:
        *folders, last = name.split(".")
        module = init.parent.joinpath(*folders).with_suffix(".py")
        assert (
            (init.parent / f"{last}.py").is_file()
            or (init.parent / last).is_dir()
            or (module.is_file() and last in defined_names(module))
        ), name


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=place)
def test_modules_and_functions_are_short(module):
    code = module.read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 400
    functions = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno >= 60] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_cells_of_notebooks_are_short(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for lines in ("".join(c["source"]).splitlines() for c in cells if c["cell_type"] == "code"):
        assert len(lines) <= 20, lines[0]
        assert sum(line.startswith(("import ", "from ")) for line in lines) <= 12, lines[0]
