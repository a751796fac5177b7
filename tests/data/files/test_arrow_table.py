"""`dlrun.data.files.arrow_table`: samples and batches of every format, and rows of another width."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from dlrun.data.files import arrow_table
from dlrun.data.files.arrow_table import ArrowTable, NotNumbersError
from dlrun.errors import ConfigError, DataError

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": None, "b": "y z"}]


def file(name: str = "t.csv", content: str = "a,b\n1,x\n2,\n,y z\n", **fields: Any) -> ArrowTable:
    Path(name).write_bytes(content.encode())
    return ArrowTable(Path(name), **fields)


def never(line: int, what: str) -> None:
    raise AssertionError(f"line {line}: {what}")


def of_every_format() -> list[ArrowTable]:
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), "t.parquet")
    lines = "\n".join(json.dumps(row) for row in ROWS)
    return [file(), file("t.tsv", "a\tb\n1\tx\n2\t\n\ty z\n"), file("t.jsonl", lines), ArrowTable(Path("t.parquet"))]


def test_every_format_has_the_same_names_sample_and_batches() -> None:
    for table in of_every_format():
        assert table.names == ["a", "b"]
        assert table.sample() == {"a": ["1", "2", None], "b": ["x", None, "y z"]}
        (batch,) = table.batches(numbers=["a"], names=["b", "a"], bad=never)
        assert batch.column(1).to_pylist()[:2] == [1.0, 2.0]
        assert batch.column(0).to_pylist() == ["x", None, "y z"]
        assert table.num_rows in (2, 3, 4), "lines, or rows where the format has their number"


def test_a_column_of_numbers_with_a_text_is_named() -> None:
    parquet.write_table(pyarrow.table({"a": ["1", "x"]}), "p.parquet")
    for table in (file(content="a\n1\nx\n"), ArrowTable(Path("p.parquet"))):
        with pytest.raises(NotNumbersError) as caught:
            list(table.batches(numbers=["a"], names=["a"], bad=never))
        assert caught.value.column == "a"


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Arrow numbers rows only where it reads with one thread."""
    before = pyarrow.cpu_count()
    pyarrow.set_cpu_count(request.param)
    yield
    pyarrow.set_cpu_count(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("block_bytes", [64, 8 << 20])
def test_rows_of_another_width_have_their_lines(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow_table, "_BLOCK_BYTES", block_bytes)
    received: list[tuple[int, str]] = []
    lines = ["a,b", "1,x", "2", '3,"y', 'z"', "", "4,z,z", *(f"{i},w" for i in range(5, 30)), "30"]
    table = file(content="\n".join(lines) + "\n")
    batches = table.batches(numbers=["a"], names=["a"], bad=lambda line, what: received.append((line, what)))
    found = [value for batch in batches for value in batch.column(0).to_pylist()]
    assert found == [1, 3, *range(5, 30)]
    hint = "is a delimiter or a quote missing?"
    assert received == [
        (3, f"expected 2 columns, got 1; {hint}"),
        (7, f"expected 2 columns, got 3; {hint}"),
        (33, f"expected 2 columns, got 1; {hint}"),
    ]
    assert table.sample()["b"][:2] == ["x", "y\nz"]


def test_a_row_that_only_arrow_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = file(content="a,b\n1,x\n2\n")
    monkeypatch.setattr(table, "wide_rows", lambda: iter(()))
    with pytest.raises(DataError, match=r"t.csv: cannot be read as csv \(rows of different widths\)\."):
        list(table.batches(numbers=["a"], names=["a"], bad=never))


def test_json_of_mixed_types_is_read_as_texts_and_bad_lines_are_reported() -> None:
    received: list[tuple[int, str]] = []
    table = file("t.jsonl", '{"a": 1, "b": "NA"}\n[2]\n{"a": "x", "b": {"c": 1}}\n')
    (batch,) = table.batches(numbers=[], names=["a", "b"], bad=lambda line, what: received.append((line, what)))
    assert batch.to_pydict() == {"a": ["1", "x"], "b": [None, '{"c": 1}']}
    assert received == [(2, "expected a JSON object, got a list.")]


def test_times_in_json_are_read_as_they_are_written() -> None:
    content = '{"a": "2026-01-31T10:00", "b": 1}\n{"a": "2026-01-31", "b": 2}\n{"a": null, "b": 3}\n'
    (batch,) = file("t.jsonl", content).batches(numbers=["b"], names=["a", "b"], bad=never)
    assert batch.to_pydict() == {"a": ["2026-01-31T10:00", "2026-01-31", None], "b": [1.0, 2.0, 3.0]}


def test_json_that_is_one_list_is_read_like_lines() -> None:
    received: list[tuple[int, str]] = []
    table = file("t.json", json.dumps([*ROWS, 5], indent=2))
    (batch,) = table.batches(numbers=["a"], names=["a", "b"], bad=lambda line, what: received.append((line, what)))
    assert batch.to_pydict() == {"a": [1.0, 2.0, None], "b": ["x", None, "y z"]}
    assert received == [(4, "expected a JSON object, got a number.")]


def test_a_duplicate_column_is_an_error() -> None:
    with pytest.raises(DataError, match='duplicate column "a"; rename one of them'):
        file(content="a,a\n1,2\n")


def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r't.csv\n +This needs pyarrow, .*: pip install "dlrun\[table\]"'):
        file()


def test_numbers_between_semicolons_may_have_a_decimal_comma() -> None:
    table = file("t.csv", "a;b;c\n12,5;1,5;x, y\n-1.234,25;7;z\n3;1.5;\n")
    assert table.sample() == {"a": ["12.5", "-1234.25", "3"], "b": ["1.5", "7", "1.5"], "c": ["x, y", "z", None]}
    (batch,) = table.batches(numbers=(), names=["a", "b", "c"], bad=never)
    assert batch.to_pydict() == table.sample()
    (batch,) = file("u.csv", "a;b\n12,5;1\n3;\n").batches(numbers=["a", "b"], names=["a", "b"], bad=never)
    assert batch.to_pydict() == {"a": [12.5, 3.0], "b": [1.0, None]}
    commas = file("v.csv", 'a,b\n"12,5",x\n"7,25",y\n')
    assert commas.sample()["a"] == ["12,5", "7,25"], "between commas, it may divide thousands"


def test_spaces_around_the_names_are_no_part_of_names_and_values() -> None:
    table = file("t.csv", "a, b , c\n1, x, NA\n 2,y ,3\n, , 4\n")
    assert table.names == ["a", "b", "c"]
    assert table.sample() == {"a": ["1", "2", None], "b": ["x", "y", None], "c": [None, "3", "4"]}
    (batch,) = table.batches(numbers=["a"], names=["a", "b", "c"], bad=never)
    assert batch.to_pydict() == {"a": [1.0, 2.0, None], "b": ["x", "y", None], "c": [None, "3", "4"]}
    other = file("u.csv", '"a\n", b\n1, x\n')
    assert other.names == ["a\n", " b"], "of a heading of two lines, names are as they are written"
    assert other.sample() == {"a\n": ["1"], " b": [" x"]}
