"""docs/architecture.md names files and functions that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import DOCS, ROOT

TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
_HOP = re.compile(r"^\|[^|]*\| `(dlrun/[\w/]+\.py)` \| (`[^|]+`) \|$", re.MULTILINE)
HOPS = [(path, name) for path, names in _HOP.findall(TEXT) for name in re.findall(r"`([^`]+)`", names)]


def _names(path: str) -> Iterator[str]:
    """Functions, classes and methods that a file defines: `train`, `Trainer`, `Trainer.fit`."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef))


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`(dlrun/[\w/]+\.py)`", TEXT))))
def test_a_file_that_the_page_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("path", "name"), sorted(set(HOPS)))
def test_a_function_that_the_page_names_is_in_its_file(path: str, name: str) -> None:
    assert name in set(_names(path))


def test_a_command_a_row_and_a_checkpoint_are_followed() -> None:
    assert len(HOPS) > 35
    for title in ("## One command", "## One table row", "## One checkpoint", "## Where do I find"):
        assert title in TEXT


def test_every_folder_of_the_package_is_in_the_picture_and_the_table() -> None:
    folders = {path.parent.name for path in (ROOT / "dlrun").glob("*/__init__.py")}
    picture = TEXT.split("```")[1]
    assert {name for name in folders if name not in picture} == set()
    assert {name for name in folders if f"| `{name}/` |" not in TEXT} == set()
