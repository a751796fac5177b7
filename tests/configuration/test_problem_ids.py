"""The table of ids has every id that the code gives a problem."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dlrun
from dlrun.configuration.problem_ids import MEANINGS, ids_table
from dlrun.lint.rules import every_rule

ROOT = Path(dlrun.__file__).parent
_ID_PLACE = {"Problem": 2, "Finding": 0}  # where a call without a keyword has it


def ids_in(source: str) -> Iterator[str]:
    """Yield each id that a module gives a problem: a text in the call, or a constant of the module."""
    tree = ast.parse(source)
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    constants = {ast.unparse(node.targets[0]): getattr(node.value, "value", None) for node in assigned}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        has_id = name in ("ConfigError", *_ID_PLACE)
        given = [keyword.value for keyword in node.keywords if keyword.arg == "id" and has_id]
        given += node.args[_ID_PLACE[name] :][:1] if name in _ID_PLACE else []
        for value in given:
            found = constants.get(value.id) if isinstance(value, ast.Name) else getattr(value, "value", None)
            if isinstance(found, str):
                yield found


def test_every_id_in_the_code_is_in_the_table() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    used = {name: path.name for path, source in sources.items() for name in ids_in(source)}
    assert len(used) > 20
    known = MEANINGS.keys() | {rule.id for rule in every_rule()}
    assert {name: path for name, path in used.items() if name not in known} == {}


def test_an_id_is_found_as_a_word_a_keyword_and_a_constant() -> None:
    source = 'A = "a"\nProblem("k", "m", "b")\nProblem("k", "m", id=A)\nConfigError("x", id="c")\nother(id="d")\n'
    assert list(ids_in(source)) == ["b", "a", "c"]


def test_an_id_is_a_name_and_has_a_sentence() -> None:
    assert [name for name in MEANINGS if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []
    assert [text for text in MEANINGS.values() if not (text[0].isupper() and text.endswith("."))] == []


def test_the_table_of_the_documentation_is_up_to_date() -> None:
    page = (ROOT.parent / "docs/problems.md").read_text(encoding="utf-8")
    assert ids_table() in page, "write what dlrun.configuration.problem_ids.ids_table() returns"
