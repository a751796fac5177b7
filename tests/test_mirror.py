"""The tests mirror the source: tests/<room>/test_<module>.py tests dlrun/<room>/<module>.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dlrun

TESTS = Path(__file__).parent
PACKAGE = Path(dlrun.__file__).parent
OTHERS: Mapping[str, str] = {}
"""Test modules of more than one module, by path below tests/ -> reason."""


def module_of(test: str) -> Path:
    """Return the file that a test module, given by its path below tests/, is named after."""
    folder, _, name = test.rpartition("/")
    root = PACKAGE.parent if folder == "benchmarks" else PACKAGE  # the benchmarks are not a part of the package
    return root / folder / name.removeprefix("test_")


def names() -> list[str]:
    """Return every test module by its path below tests/."""
    return sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


def test_each_test_module_is_named_after_a_module() -> None:
    assert [test for test in names() if test not in OTHERS and not module_of(test).is_file()] == []


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert [test for test in OTHERS if test not in names() or module_of(test).is_file()] == []
    assert all(len(reason.split()) >= 4 for reason in OTHERS.values())
