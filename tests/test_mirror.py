"""The tests mirror the source: tests/<room>/test_<module>.py tests dlrun/<room>/<module>.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dlrun

TESTS = Path(__file__).parent
PACKAGE = Path(dlrun.__file__).parent
OTHERS: Mapping[str, str] = {
    "benchmarks/test_contestants.py": "benchmarks/contestants: the same checks for every contestant",
    "benchmarks/test_parts.py": "benchmarks: the tables of all parts",
    "cli/test_every_command.py": "every verb with every flag, through the command line",
    "configuration/recipes/sources/test_never_fetched.py": "nothing but the command line reaches the network",
    "configuration/test_private_files.py": "private files are refused by recipes, overrides and datasets",
    "configuration/recipes/test_recipe_attacks.py": "what a refused recipe is told, beyond the corpus of tests/hostile",
    "configuration/recipes/test_recipes_in_an_editor.py": "a language server with the schema of `dlrun schema`",
    "data/test_prepared_once.py": "two whole runs, of which the second reads the cache",
    "docs/test_architecture.py": "docs/architecture.md: the files and functions it names",
    "docs/test_commands.py": "every command on every page of docs/ and README",
    "docs/test_links.py": "the links between README and the pages of docs/",
    "docs/test_reference.py": "docs/make_reference.py, which is no part of the package",
    "docs/test_site.py": "docs/conf.py: the whole site, built strictly",
    "faults/test_faults.py": "kills, failing disks and damaged files, for whole runs",
    "hostile/test_bodies.py": "tests/hostile/bodies: hostile requests to servers of every kind",
    "hostile/test_connections.py": "tests/hostile/connections: bytes, silence and crowds at a real server",
    "hostile/test_corpus.py": "hostile recipes, data and runs, through the command line under an audit hook",
    "hostile/test_mutations.py": "tests/hostile/mutations: recipes changed by program, and what becomes of them",
    "hostile/test_published.py": "published models of strangers, through the command line under an audit hook",
    "options/datasets/test_bundled.py": "the bundled datasets, which are one line of code each",
    "options/datasets/test_mixed_table.py": "dataset=table with texts and images, as whole runs",
    "options/losses/test_losses.py": "the same checks for every loss",
    "options/optimizers/test_optimizers.py": "the same checks for every optimizer",
    "options/schedulers/test_schedulers.py": "the same checks for every scheduler",
    "lint/test_good.py": "all rules, on configurations without a mistake",
    "lint/test_planted.py": "all rules, on configurations with one mistake each",
    "report/pages/test_in_a_browser.py": "whole pages, opened in a browser where one is installed",
    "report/test_console.py": "the live and the plain console: lines, live and plain",
    "test_mirror.py": "a rule for all tests: where they are",
    "test_public_names.py": "dlrun/__init__.py: the promised names",
    "test_readme.py": "README: its first screen, its length, its generated part",
    "test_recipes.py": "every shipped recipe, trained as a command",
    "test_rooms.py": "a rule for all modules: what they import",
    "test_sizes.py": "a rule for all modules: how long they are",
    "training/test_no_waiting.py": "every kind of step and evaluation reads nothing from the device",
    "training/test_same_bytes.py": "whole runs give equal bytes in different ways",
    "whole_way/test_whole_way.py": "every kind of data, from training to the page and the published folder",
}
"""Test modules of more than one module, by path below tests/ -> what they test."""


def modules_of(test: str) -> list[Path]:
    """Return the files that a test module, given by its path below tests/, may be named after."""
    folder, _, name = test.rpartition("/")
    module = name.removeprefix("test_")
    if not folder:
        return [PACKAGE / module, TESTS / module]  # of the package, or a helper of the tests
    if folder == "benchmarks":
        return [TESTS.parent / folder / module]
    return [PACKAGE / folder / module, PACKAGE / folder / f"_{module}"]


def is_named_after_a_module(test: str) -> bool:
    """Return whether the module that a test module is named after exists."""
    return any(path.is_file() for path in modules_of(test))


def names() -> list[str]:
    """Return every test module by its path below tests/."""
    return sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


def test_each_test_module_is_named_after_a_module() -> None:
    assert [test for test in names() if test not in OTHERS and not is_named_after_a_module(test)] == []


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert [test for test in OTHERS if test not in names() or is_named_after_a_module(test)] == []
    assert all(len(reason.split()) >= 4 for reason in OTHERS.values())
