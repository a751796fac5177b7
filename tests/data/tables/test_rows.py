"""dlrun.data.tables.rows: rows as numbers, whole or in blocks, and skipped rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables import rows as rows_module
from dlrun.data.tables.columns import Column, starts_of
from dlrun.data.tables.rows import TableRows, _blocks_of, describe_skipped, read_blocks, read_rows
from dlrun.errors import DataError

COLUMNS = [Column("n", "number"), Column("c", "category"), Column("d", "date")]
GOOD = "n,c,d\n1,red,2026-01-31\n,blue,\n3,,2026-02-01\n4,red,2026-02-01\n"


def read(content: str, **fields: Any) -> TableRows:
    Path("t.csv").write_text(content)
    return read_rows(ArrowTable(Path("t.csv")), COLUMNS, **fields)


def test_a_category_is_its_index_and_a_missing_value_is_nan() -> None:
    rows = read(GOOD)
    starts = starts_of(COLUMNS)
    assert starts == {"n": 0, "c": 1, "d": 2}
    assert rows.raw.shape == (4, 7)
    np.testing.assert_array_equal(rows.column(starts, "n"), [1, np.nan, 3, 4])
    assert [rows.words["c"][int(code)] for code in rows.column(starts, "c")[[0, 1, 3]]] == ["red", "blue", "red"]
    assert np.isnan(rows.column(starts, "c")[2])
    assert rows.raw[0, 2:].tolist() == [2026, 1, 31, 5, 0]
    assert np.isnan(rows.raw[1, 2:]).all()


def test_a_file_with_words_in_many_columns_of_numbers_is_read_a_few_times_only() -> None:
    columns = [Column(f"n{i}", "number", lenient=True) for i in range(40)]
    lines = [",".join(column.name for column in columns), ",".join(["."] * 40), *[",".join(map(str, range(40)))] * 3]
    Path("t.csv").write_text("\n".join(lines))
    file, reads = ArrowTable(Path("t.csv")), []
    batches = file.batches
    file.batches = lambda **fields: (reads.append(len(fields["numbers"])), batches(**fields))[1]  # type: ignore[method-assign]
    rows = read_rows(file, columns)
    assert reads == [40, 39, 38, 0]
    assert rows.strays == {f"n{i}": {".": 1} for i in range(40)}
    assert rows.raw[1:].tolist() == [list(map(float, range(40)))] * 3
    reads.clear()
    assert sum(len(block.raw) for block in read_blocks(file, columns, num_rows=2)) == 4
    assert reads == [40, 39, 38, 0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "many,red,2026-01-01",
            r'line 6, column "n": expected a number, got "many"; for a column of categories: dataset.columns',
        ),
        ("1e39,red,2026-01-01", r'line 6, column "n": expected a number, got "1e\+39"'),
        ("1,red,soon", r'line 6, column "d": expected a date as 2026-01-31 .*, got "soon"'),
        ("1,red", r"line 6: expected 3 columns, got 2; is a delimiter or a quote missing\?"),
    ],
)
def test_a_bad_row_is_reported_with_its_line_or_counted(row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(f"{GOOD}{row}\n")
    rows = read(f"{GOOD}{row}\n5,red,2026-03-01\n", skip_bad_rows=True)
    assert (len(rows.raw), rows.num_skipped) == (5, 1)
    assert describe_skipped(rows)["rows"] == 1
    assert describe_skipped(rows)["first"][0].startswith("line 6")


def test_missing_values_are_filled_reported_or_dropped() -> None:
    assert len(read(GOOD, missing="fill").raw) == 4
    message = 'line 3, column "n": the value is missing; to fill missing values: dataset.missing=fill'
    with pytest.raises(DataError, match=re.escape(message)):
        read(GOOD, missing="error")
    dropped = read(GOOD, missing="drop")
    assert (len(dropped.raw), dropped.num_dropped) == (2, 2)
    with pytest.raises(DataError, match=r'line 4, column "c": the value is missing\.'):
        read(GOOD, required=["c"])


@pytest.mark.parametrize("num_rows", [1, 3, 4, 100])
def test_blocks_are_the_rows(num_rows: int) -> None:
    whole = read(GOOD)
    blocks = list(read_blocks(ArrowTable(Path("t.csv")), COLUMNS, num_rows=num_rows))
    assert [len(block.raw) for block in blocks] == [num_rows] * (4 // num_rows) + (
        [4 % num_rows] if 4 % num_rows else []
    )
    np.testing.assert_array_equal(np.concatenate([block.raw for block in blocks]), whole.raw)
    assert blocks[-1].words == whole.words


def test_numbers_that_arrow_does_not_parse_do_not_repeat_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [f"{i}" for i in range(400_000)]
    numbers[399_990] = " 7 "  # a number to us, a text to Arrow, found when most rows are given
    Path("t.csv").write_text("n\n" + "\n".join(numbers) + "\n")
    blocks = list(read_blocks(ArrowTable(Path("t.csv")), COLUMNS[:1], num_rows=65_536))
    found = np.concatenate([block.raw[:, 0] for block in blocks])
    expected = np.arange(400_000, dtype=np.float32)
    expected[399_990] = 7
    np.testing.assert_array_equal(found, expected)


@settings(deadline=None)
@given(lengths=st.lists(st.integers(0, 9), max_size=8), num_rows=st.integers(1, 12), after=st.integers(0, 20))
def test_blocks_of_any_length_become_blocks_of_one(lengths: list[int], num_rows: int, after: int) -> None:
    everything = np.arange(sum(lengths), dtype=np.float32)[:, None]
    ends = np.cumsum(lengths, dtype=int)
    given_blocks = (everything[end - length : end] for length, end in zip(lengths, ends, strict=True))
    found = list(_blocks_of(given_blocks, num_rows=num_rows, after=after))
    assert all(len(block) == num_rows for block in found[:-1])
    assert np.concatenate([*found, everything[:0]]).tolist() == everything[after:].tolist()


def test_texts_and_images_are_words_and_refused_words_make_rows_bad() -> None:
    columns = [Column("c", "image"), Column("n", "number")]
    Path("t.csv").write_text("n,c\n1,a.png\n2,b.png\n3,\n4,a.png\n")
    file, refused = ArrowTable(Path("t.csv")), {"c": {"b.png": "there is no image"}}
    rows = read_rows(file, columns, skip_bad_rows=True, refused=refused)
    np.testing.assert_array_equal(rows.raw[:, 1], [1, 3, 4])
    assert [rows.words["c"][int(code)] for code in rows.raw[[0, 2], 0]] == ["a.png", "a.png"]
    assert np.isnan(rows.raw[1, 0])
    assert [str(problem) for problem in rows.skipped] == ['line 3, column "c": there is no image']
    with pytest.raises(DataError, match=r'line 3, column "c": there is no image\. Fix the row, or skip bad rows'):
        read_rows(file, columns, refused=refused)
    with pytest.raises(DataError, match=r'line 3, column "c": there is no image\.$'):
        list(read_blocks(file, columns, num_rows=2, refused=refused))


def test_more_words_than_float32_can_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "_MOST_WORDS", 2)
    read(GOOD)
    with pytest.raises(DataError, match=r't\.csv: "c" has more than 2 distinct values; ignore it: dataset\.col'):
        read(GOOD + "1,green,\n")
