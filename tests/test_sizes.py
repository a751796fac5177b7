"""Files, classes and functions of dlrun stay small: past these sizes a part is missing, not a flag."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import dlrun

ROOT = Path(dlrun.__file__).parent
MOST_LINES = 300  # of a file
MOST_MEDIAN = 120  # lines, over all files that are not empty
MOST_OF = {"class": 150, "function": 50}  # lines, decorators and docstring included

LONGER: Mapping[str, str] = {
    "data/files/table_file.py:TableFile": "one interface to CSV, TSV, JSON lines and Parquet",
    "data/media/source.py:folder_source": "a dataset's fields, each passed on by name",
    "data/prepare.py:prepare": "the way of the rows from a source to a bundle, in order",
    "data/tables/encoding.py:TableEncoder": "learns, encodes and restores one table; all methods use its columns",
    "data/tables/windows.py:series_source": "a dataset's fields, then the splits in the order of time",
    "data/texts/classification.py:labelled_texts": "a dataset's fields, then the steps from texts to a source",
    "options/datasets/audio_folder.py:audio_folder": "an option's fields, each passed on by name",
    "options/datasets/image_folder.py:image_folder": "an option's fields, each passed on by name",
    "options/models/cnn.py:cnn": "an option's fields, then its blocks in order, with an error for each misfit",
    "options/models/gan.py:gan": "an option's fields, then two networks for each architecture",
    "options/models/resnet.py:resnet": "an option's fields, then its stages in order",
    "options/models/rnn.py:rnn": "an option's fields, then its layers in order",
    "training/trainer.py:Trainer": "the training loop, which is to be read from top to bottom in one class",
}
"""The exceptions, as "room/module.py:Class.method" -> reason."""


def sources() -> dict[str, str]:
    """Return the source of every module of dlrun by its path within the package."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}


def lengths(source: str) -> Iterator[tuple[str, str, int]]:
    """Yield (qualified name, "class" or "function", lines) of every definition in a module."""

    def visit(node: ast.AST, prefix: str) -> Iterator[tuple[str, str, int]]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from visit(child, prefix)
                continue
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            kind = "class" if isinstance(child, ast.ClassDef) else "function"
            yield prefix + child.name, kind, (child.end_lineno or child.lineno) - first + 1
            yield from visit(child, f"{prefix}{child.name}.")

    yield from visit(ast.parse(source), "")


def too_long() -> dict[str, int]:
    """Return every class and function above its limit with its lines."""
    return {
        f"{path}:{name}": lines
        for path, source in sources().items()
        for name, kind, lines in lengths(source)
        if lines > MOST_OF[kind]
    }


def test_files_are_short() -> None:
    counts = {path: len(source.splitlines()) for path, source in sources().items() if source}
    assert {path: count for path, count in counts.items() if count > MOST_LINES} == {}
    assert statistics.median(counts.values()) < MOST_MEDIAN


def test_classes_and_functions_are_short_but_for_the_listed_ones() -> None:
    assert {name: lines for name, lines in too_long().items() if name not in LONGER} == {}


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert sorted(set(LONGER) - set(too_long())) == []
    assert all(len(reason.split()) >= 4 for reason in LONGER.values())


def test_lengths_are_counted_with_decorators_and_nested_definitions() -> None:
    source = "@first\n@second\nclass A:\n    def f(self):\n        def g():\n            return 1\n        return g\n"
    assert list(lengths(source)) == [("A", "class", 7), ("A.f", "function", 4), ("A.f.g", "function", 2)]
