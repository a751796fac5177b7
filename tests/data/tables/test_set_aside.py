"""dlrun.data.tables.set_aside: constants, names, identifiers and row counters become no features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.data.files import arrow_table
from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.reading import TrainTable, read_train
from dlrun.data.tables.set_aside import describe_texts, is_identifier, kind_to_use
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import DataError

COUNTER = "a count of the rows"
ID = "row names or identifiers, another whole number in every row"
OTHER = [str(value) for value in (7.5, 1, 2, 9, 4, 4, 3, 8)]


def table(column: Sequence[object], *, name: str = "x", targets: str = "abababab", **fields: Any) -> TrainTable:
    """A table of a column called "other", one with these values, and the target."""
    rows = [",".join(map(str, row)) for row in zip(OTHER, column, targets, strict=True)]
    Path("t.csv").write_text("\n".join([f'other,"{name}",y', *rows]) + "\n")
    return read_train(
        ArrowTable(Path("t.csv")), TableSettings(**{"name": "table", "path": "t", "target": "y", **fields})
    )


def why(column: Sequence[object], **fields: Any) -> str | None:
    return table(column, **fields).ignored.get(fields.get("name", "x"))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("id", [70, 12, 55, 31, 98], True),
        ("size", [70, 12, 55, 31, 98], False),
        ("id", [70, 12, 70, 12, 98], False),
        ("id", [70, 12.5, 55, 31, 98], False),
        ("row", [10, 20, 30, 40, 55], True),
        ("size", [10, 20, 30, 40, 55], True),  # in the order of the rows
        ("birth year", [1910, 1920, 1930, 1940, 1955], False),
        ("id", [1, 2, 3, 4], False),  # too few to tell
    ],
)
def test_training_rows_tell_identifiers_by_name_or_order(name: str, values: list[float], expected: bool) -> None:
    assert is_identifier(name, np.array(values, dtype=np.float32)) is expected


def test_constants_are_set_aside_unless_some_are_missing() -> None:
    for value in (1, "2026-01-31", "yes", "red"):
        assert why([value] * 8) == "the same value in every row"
        assert why([value] * 7 + [""]) is None
    assert why([16777216 * 5 + i % 2 for i in range(8)]) == "the same number in every row, to seven digits"
    assert why(["2026-01-31"] * 7 + ["2026-01-30"]) is None


def test_a_column_without_a_value_is_set_aside() -> None:
    assert why([""] * 8) == "no value in any row"
    assert why([""] * 8, missing="drop") == why([""] * 8, missing="error") == "no value in any row"
    with pytest.raises(DataError, match=r'the column "x" has no value in any row\. Ignore it: dataset\.columns={x: ig'):
        table([""] * 8, columns={"x": "number"})


def test_names_are_set_aside_and_texts_that_occur_twice_are_not() -> None:
    assert why("stuvwxyz") == "a different text in every row"
    assert why("stuvwxyy") is None
    assert why([f"0{i}" for i in range(8)]) == "a different text in every row"  # codes


def test_measurements_are_kept_though_they_are_distinct() -> None:
    assert why([i * 0.37 for i in range(8)]) is None
    assert why([1, 2, 3, 4, 5, 6, 7, 9]) is None
    assert why([2, 3, 4, 5, 6, 7, 8, 9]) is None


@pytest.mark.parametrize("first", [0, 1])
def test_counts_of_the_rows_are_set_aside_but_for_times(first: int) -> None:
    counter = range(first, first + 8)
    assert why(counter) == COUNTER
    for name in ("t", "Time", "week.no", "year"):
        assert why(counter, name=name) is None
    assert why(counter, targets="abab ba ".replace(" ", "\0")[:6].replace("\0", "a") + "ab") == COUNTER


def test_a_count_of_the_rows_may_lack_rows_that_were_left_out() -> None:
    rows = [f"{value},{i},{'' if i in (0, 5) else 'ab'[i % 2]}" for i, value in enumerate(OTHER)]
    Path("t.csv").write_text("\n".join(["other,x,y", *rows]) + "\n")
    found = read_train(ArrowTable(Path("t.csv")), TableSettings("table", "t", "y"))
    assert (found.ignored, found.rows.num_left_out) == ({"x": COUNTER}, 2)


@pytest.mark.parametrize(
    "name", ["", "id", "ID", "index", "rownames", "Unnamed: 0", "row.names", "customer_id", "PassengerId", "obs", "ids"]
)
def test_whole_numbers_named_as_identifiers_are_set_aside_if_distinct(name: str) -> None:
    values = [5, 3, 70, 11, 2, 90, 14, 1]
    assert why(values, name=name) == ID
    assert why([5, *values[1:7], 5], name=name) is None
    assert why([5.5, *values[1:]], name=name) is None
    assert why(values, name="paid") is None


def test_large_identifiers_are_told_apart_by_their_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [2_024_000_000 + i * 3 for i in range(8)]
    values[0] = 1
    assert why(values, name="id") == ID
    assert why([*values[:7], values[6]], name="id") is None
    monkeypatch.setattr(arrow_table, "_SAMPLE_ROWS", 4)
    assert why(values, name="id") == "row names or identifiers, another whole number in each of the first rows"


def test_a_kind_that_is_set_keeps_a_column() -> None:
    for columns in ({"x": "number"}, {"x": "category"}):
        assert why(range(8), columns=columns) is None
    assert why(range(8), columns={"x": "ignore"}) == "dataset.columns"


def test_a_count_of_the_rows_is_kept_where_there_is_no_other_column() -> None:
    found = table(range(8), columns={"other": "ignore"})
    assert [column.name for column in found.columns] == ["x", "y"]
    assert found.ignored == {"other": "dataset.columns"}
    with pytest.raises(DataError, match=r"no column is left for features \(other: dataset\.columns; x: the same value"):
        table([1] * 8, columns={"other": "ignore"})


def test_texts_are_described_by_how_many_there_are() -> None:
    assert describe_texts(Counter("abc"), num_rows=3, max_categories=9) == "a different text in every row"
    distinct = Counter(f"w{i}" for i in range(30))
    assert describe_texts(distinct, num_rows=40, max_categories=9) == "fewer than two rows for each text"
    assert describe_texts(distinct + distinct, num_rows=60, max_categories=9) == "more than 9 different texts"


def test_what_tells_a_model_nothing_has_no_kind_to_use() -> None:
    assert [kind_to_use(reason) for reason in (COUNTER, ID, "more than 9 different texts")] == [
        "number",
        "number",
        "category",
    ]
    assert [kind_to_use(reason) for reason in ("dataset.columns", "the same value in every row")] == [None, None]
