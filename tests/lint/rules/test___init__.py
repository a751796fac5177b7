from __future__ import annotations

import string
from pathlib import Path

import dlrun
from dlrun.lint.rules import NAMES, every_rule, rules_table


def test_every_file_is_a_rule_with_an_id_of_its_own_and_a_reason() -> None:
    folder = Path(dlrun.__file__).parent / "lint" / "rules"
    assert sorted(NAMES) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    rules = every_rule()
    assert len({rule.id for rule in rules}) == len(rules) >= 30
    assert all(rule.why.endswith(".") and rule.why[0] in string.ascii_uppercase + "`" for rule in rules)


def test_the_documentation_lists_every_rule() -> None:
    page = Path(dlrun.__file__).parents[1] / "docs" / "check.md"
    assert rules_table() in page.read_text(encoding="utf-8"), "write what dlrun.lint.rules.rules_table() returns"
