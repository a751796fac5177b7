"""dlrun.data.tables.judging: kinds that the first rows suggest and all rows decide."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import Table, parquet

from dlrun.data.files import arrow_table
from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column, starts_of
from dlrun.data.tables.features import feature_columns, target_column
from dlrun.data.tables.judging import counts_of, read_judged
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import DataError

FIRST = 10  # rows of the sample


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_table, "_SAMPLE_ROWS", FIRST)


def judged(values: Sequence[str], *, name: str = "t.csv", **fields: Any) -> tuple[Column, TableRows, list[Column]]:
    """Read a table whose column "x" has these values."""
    settings = TableSettings(**{"name": "table", "path": name, "target": "y", **fields})
    rows = [(value, "ab"[i % 2]) for i, value in enumerate(values)]
    if name.endswith("csv"):
        Path(name).write_text("\n".join(["x,y", *map(",".join, rows)]) + "\n")
    elif name.endswith("jsonl"):
        Path(name).write_text("".join(json.dumps({"x": x, "y": y}) + "\n" for x, y in rows))
    else:
        parquet.write_table(Table.from_pylist([{"x": x, "y": y} for x, y in rows]), name)
    file = ArrowTable(Path(name))
    columns, found = read_judged(file, [*feature_columns(file, settings)[0], target_column(file, settings)], settings)
    return columns[0], found, columns


NUMBERS = [str(i * 1.5) for i in range(95)]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_words_among_numbers_count_as_missing_wherever_they_are(name: str) -> None:
    for values in ([*NUMBERS, *["other"] * 5], ["other", *NUMBERS, *["many"] * 2]):
        column, rows, _ = judged(values, name=name)
        assert column == Column("x", "number", lenient=True)
        assert rows.strays == {"x": {word: values.count(word) for word in values if word.isalpha()}}
        assert rows.present == {"x": len(values)}
        expected = [float(value) if not value.isalpha() else np.nan for value in values]
        np.testing.assert_array_equal(rows.raw[:, 0], np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1"] * 80 + ["other"] * 20, "category"),
        (["2026-01-31"] * 80 + ["soon"] * 20, "category"),
        (["2026-01-31"] * 95 + ["soon"] * 5, "date"),
        (["yes", "no"] * 40 + ["perhaps"], "category"),
        (["yes", "no"] * 40, "boolean"),
        (["low"] * FIRST + ["1", "2"] * 90, "number"),
        (["low"] * FIRST + ["2026-01-31"] * 90, "date"),
        (["low", "high"] * FIRST + [f"w{i}" for i in range(200)], "text"),
        (["1"] * FIRST + [f"w{i}" for i in range(200)], "text"),
        (["NA"] * FIRST + ["1.5", "2"] * 10, "number"),
        (["NA"] * FIRST + ["red", "blue"] * 10, "category"),
        (["NA"] * 20, "missing"),
        (["-"] * 60 + ["1", "2.5"] * 20, "number"),  # words for a missing number do not count
    ],
)
def test_all_rows_decide(values: list[str], kind: str) -> None:
    column, rows, columns = judged(values)
    assert column.kind == kind
    assert len(rows.raw) == len(values)
    if kind == "category":
        assert counts_of(starts_of(columns), rows, "x") == {
            v: values.count(v) for v in dict.fromkeys(values) if v != "NA"
        }


def test_a_kind_that_rows_left_out_decide_is_judged_once() -> None:
    """Only rows without a target have words: as numbers the words are too many, as categories there are none."""
    lines = [f"{i},a" for i in range(50)] + ["word," for _ in range(50)]
    Path("t.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    file, settings = ArrowTable(Path("t.csv")), TableSettings("table", "t.csv", "y")
    columns, rows = read_judged(file, [*feature_columns(file, settings)[0], target_column(file, settings)], settings)
    assert columns[0].kind in ("category", "text")
    assert (len(rows.raw), rows.num_left_out) == (50, 50)


def test_a_kind_that_is_set_is_not_judged() -> None:
    values = [*NUMBERS, "other"]
    with pytest.raises(DataError, match=r'line 97, column "x": expected a number, got "other"; for a column of'):
        judged(values, columns={"x": "number"})
    assert judged(values, columns={"x": "category"})[0] == Column("x", "category")
    _, rows, _ = judged(values, columns={"x": "number"}, skip_bad_rows=True)
    assert (len(rows.raw), rows.num_skipped) == (95, 1)


def test_with_missing_error_a_word_is_an_error_and_with_drop_its_row_is_dropped() -> None:
    values = [*NUMBERS, "other"]
    with pytest.raises(DataError, match=r'line 97, column "x": expected a number, got "other"'):
        judged(values, missing="error")
    assert judged([*NUMBERS[:4], *["other"] * 20], missing="error")[0].kind == "category"
    _, rows, _ = judged(values, missing="drop")
    assert (len(rows.raw), rows.num_dropped) == (95, 1)


def test_words_among_the_numbers_of_a_target_are_no_target() -> None:
    values = [*NUMBERS, "other", "NA"]
    lines = "\n".join(["x,y", *(f"1,{value}" for value in values)]) + "\n"
    Path("t.csv").write_text(lines)
    file = ArrowTable(Path("t.csv"))
    for task in ("auto", "regression"):
        Path("t.csv").write_text(lines)
        settings = TableSettings("table", "t.csv", "y", task=task)
        columns, rows = read_judged(file, [Column("x", "number"), target_column(file, settings)], settings)
        assert columns[-1] == Column("y", "number", lenient=True, is_target=True)
        assert (len(rows.raw), rows.num_left_out, rows.strays) == (95, 2, {"y": {"other": 1}})
        settings = TableSettings("table", "t.csv", "y", task=task, missing_target="stop")
        Path("t.csv").write_text(lines.replace("NA", "1"))
        with pytest.raises(DataError, match=r'line 97, column "y": expected a number, got "other"\.'):
            read_judged(file, [Column("x", "number"), target_column(file, settings)], settings)


def test_a_target_that_is_mostly_words_is_classes_but_not_for_a_regression() -> None:
    Path("t.csv").write_text("x,y\n" + "1,5\n" * 15 + "1,many\n" * 5)
    file = ArrowTable(Path("t.csv"))
    settings = TableSettings("table", "t.csv", "y")
    columns, _ = read_judged(file, [Column("x", "number"), target_column(file, settings)], settings)
    assert columns[-1].kind == "category"
    settings = TableSettings("table", "t.csv", "y", task="regression")
    with pytest.raises(DataError, match=r'line 17, column "y": expected a number, got "many"'):
        read_judged(file, [Column("x", "number"), target_column(file, settings)], settings)
