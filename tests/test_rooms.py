"""The layers of dlrun: every import goes to its own room or to a room below it, and no two modules need each other."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import dlrun

ROOT = Path(dlrun.__file__).parent
LAYERS = (
    ("__main__",),
    ("cli",),
    ("report",),
    ("lint",),
    ("runs",),
    ("training",),
    ("options",),
    ("baselines",),
    ("tasks", "optim"),
    ("data",),
    ("configuration", "storage"),
    ("wording", "errors", "version"),
)
"""From top to bottom. A room imports from itself and from the layers below, never from another room of its layer.

`dlrun/__init__.py` is not a room: it offers the promised names of every room, lazily.
"""
DATA_FOLDERS = {"conf", "recipes"}  # a wheel has them inside the package
MOST_ROOMS = 15


@dataclass(frozen=True)
class Import:
    """An import statement, or a literal module name in `importlib.import_module`."""

    target: str  # "dlrun.storage.disk"
    line: int


def modules() -> dict[str, Path]:
    """Return every module of dlrun as {dotted name: file}."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(source: str, module: str, *, is_package: bool) -> Iterator[Import]:
    """Yield the imports of dlrun in a module's source: at module level, for type checkers and within functions."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            targets = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and _name(node.func) in ("import_module", "__import__") and node.args:
            (argument, *_) = node.args
            targets = [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else []
        for target in targets:
            if target == "dlrun" or target.startswith("dlrun."):
                yield Import(target, node.lineno)  # type: ignore[attr-defined]  # statements and calls have one


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@cache
def resolved() -> tuple[tuple[str, str, Import], ...]:
    """Return all imports within dlrun as (importing module, imported module, import)."""
    known = modules()
    found = []
    for module, path in known.items():
        source = path.read_text(encoding="utf-8")
        for each in imports_of(source, module, is_package=path.name == "__init__.py"):
            target = each.target
            while target not in known:  # `from dlrun.errors import Problem`: the module is dlrun.errors
                target = target.rpartition(".")[0]
            found.append((module, target, each))
    return tuple(found)


def room(module: str) -> str:
    """Return the first part of a module's name below dlrun; "dlrun" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def is_allowed(importing: str, imported: str) -> bool:
    """Return whether a room may import from another."""
    depth = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    return importing == imported or depth[importing] < depth[imported]


def test_every_module_is_in_a_layer() -> None:
    rooms = {room(module) for module in modules()} - {"dlrun"}
    assert rooms == {name for layer in LAYERS for name in layer}


def test_rooms_import_only_from_rooms_below() -> None:
    wrong = [
        f"{module}:{found.line} imports {imported}"
        for module, imported, found in resolved()
        if room(module) != "dlrun" and not (room(imported) != "dlrun" and is_allowed(room(module), room(imported)))
    ]
    assert wrong == []


def circle_among(edges: set[tuple[str, str]]) -> list[str]:
    """Return the modules of an import circle, or an empty list."""
    sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
    for module, imported in edges:
        sorter.add(module, imported)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_circles_among_modules() -> None:
    """Lazy imports and those for type checkers count too."""
    edges = {(module, imported) for module, imported, _ in resolved() if room(module) != "dlrun"}
    assert circle_among({(module, imported) for module, imported in edges if module != imported}) == []


def test_few_rooms_at_the_top() -> None:
    entries = [
        path.name
        for path in ROOT.iterdir()
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed", *DATA_FOLDERS)
    ]
    assert len(entries) <= MOST_ROOMS, sorted(entries)


SOURCE = """
from typing import TYPE_CHECKING
import importlib
import dlrun.errors
from dlrun.storage import disk as system
from . import atomic
from ..wording import show
if TYPE_CHECKING:
    from dlrun.runs.run import Session

def late():
    from dlrun.cli import main
    importlib.import_module("dlrun.report.live")
    importlib.import_module("torch")
"""


def test_all_kinds_of_import_are_found() -> None:
    found = {each.target for each in imports_of(SOURCE, "dlrun.storage.run_dir", is_package=False)}
    assert found == {
        "dlrun.errors",
        "dlrun.storage.disk",
        "dlrun.storage.atomic",
        "dlrun.wording.show",
        "dlrun.runs.run.Session",
        "dlrun.cli.main",
        "dlrun.report.live",
    }
    in_package = imports_of("from . import fields", "dlrun.configuration.schema", is_package=True)
    assert [each.target for each in in_package] == ["dlrun.configuration.schema.fields"]


@pytest.mark.parametrize(
    ("importing", "imported", "allowed"),
    [
        ("cli", "storage", True),
        ("storage", "storage", True),
        ("storage", "cli", False),
        ("tasks", "optim", False),
        ("optim", "tasks", False),
        ("configuration", "storage", False),
        ("storage", "configuration", False),
        ("data", "configuration", True),
        ("errors", "wording", False),
    ],
)
def test_which_rooms_may_import_which(importing: str, imported: str, allowed: bool) -> None:
    assert is_allowed(importing, imported) is allowed


def test_a_circle_is_found() -> None:
    assert circle_among({("a", "b"), ("b", "c")}) == []
    assert set(circle_among({("a", "b"), ("b", "c"), ("c", "a")})) == {"a", "b", "c"}
