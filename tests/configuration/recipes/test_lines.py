"""Each problem of a recipe is on the line of the key that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.recipes.lines import add_lines
from dlrun.errors import Problem

TEXT = """\
# a comment
recipe:
  format: 1
  expect:
    test/accuracy: [0.9, 1]
model: {name: mlp,
  hidden: [64,
    0]}
dataset:
  name: table
  columns:
    a.b: number
    a: text
sweep:
  model.hidden: [[1], [2]]
"""


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("recipe", 2),
        ("recipe.expect.test/accuracy", 5),
        ("model.name", 6),
        ("model=mpl", 6),  # the name is wrong
        ("dataset=tabel", 10),
        ("model.hidden", 7),
        ("model.hidden[0]", 7),
        ("model.hidden[1]", 8),
        ("model.missing", 6),  # the innermost key that exists
        ("model.hidden.x", 7),
        ("dataset.columns.a.b", 12),  # the longest key that fits
        ("dataset.columns.a", 13),
        ("sweep.model.hidden", 15),
        ("nothing", None),
        ("mode", None),
    ],
)
def test_the_line_of_a_key(where: str, line: int | None) -> None:
    Path("mine.yaml").write_text(TEXT)
    (found,) = add_lines([Problem(where, "Wrong.", "wrong-value", "a=1")], Path("mine.yaml"))
    assert (found.line, found.id, found.fix) == (line, "wrong-value", "a=1")


def test_a_problem_with_a_line_says_it() -> None:
    assert str(Problem("seed", "Wrong.", line=3)) == "line 3: seed\n      Wrong."
    assert str(Problem("seed", "Wrong.")) == "seed\n      Wrong."


def test_an_empty_file_has_no_lines() -> None:
    Path("mine.yaml").write_text("# nothing\n")
    assert add_lines([Problem("seed", "Wrong.")], Path("mine.yaml"))[0].line is None
