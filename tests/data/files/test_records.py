"""The same rows out of every kind of file, and every kind of damage told with its place."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.data.files.records import BadRows, read_columns, read_records
from dlrun.errors import ConfigError, DataError


def rows(path: Path, *columns: str, delimiter: str | None = None, skip: bool = False) -> list[tuple[list[str], str]]:
    bad = BadRows(path, skip=skip)
    records = read_records(path, columns, delimiter=delimiter, encoding="utf-8", bad=bad)
    return [(record.cells, record.place) for record in records]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: str, name: str = "x.csv") -> Path:
        (tmp_path / name).write_bytes(content.encode())
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", 'label,text\nA,"one, ""two"""\n\nB,"a\nb"\n'),
        ("x.csv", '\ufefflabel, text \r\nA,"one, ""two"""\r\nB,"a\nb"\r\n'),
        ("x.tsv", 'label\ttext\nA\t"one, ""two"""\nB\t"a\nb"\n'),
        ("x.jsonl", '{"label": "A", "text": "one, \\"two\\""}\n\n{"text": "a\\nb", "label": "B"}\n'),
    ],
)
def test_each_format_gives_the_columns_asked_for(name: str, content: str, file: Any) -> None:
    assert [cells for cells, _ in rows(file(content, name), "text", "label")] == [['one, "two"', "A"], ["a\nb", "B"]]


def test_places_are_counted_from_one_below_the_names(file: Any) -> None:
    path = file('a,b\n1,"x\ny"\n\n3,z\n')
    assert [place for _, place in rows(path, "a")] == ["row 1 (line 2)", "row 2 (line 5)"]
    assert read_columns(path) == ["a", "b"]


def test_json_values_that_are_no_text(file: Any) -> None:
    path = file('{"a": 1, "b": null}\n{"a": true}\n{"a": 1.5, "b": "x"}\n', "x.jsonl")
    assert rows(path, "a", "b") == [(["1", ""], "line 1"), (["true", ""], "line 2"), (["1.5", "x"], "line 3")]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"a": ["x", None], "b": [1, 2]}), tmp_path / "x.parquet")
    assert rows(tmp_path / "x.parquet", "b", "a") == [(["1", "x"], "row 1"), (["2", ""], "row 2")]
    (tmp_path / "y.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"y.parquet: cannot be read as Parquet"):
        rows(tmp_path / "y.parquet", "a")


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r'needs pyarrow, which is not installed: pip install "dlrun\[table\]"'):
        rows(tmp_path / "x.parquet", "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", "there are no rows below the line of column names"),
        ("a,a\n1,2\n", 'the column "a" stands there 2 times'),
        ("b,c\n1,2\n", r'there is no column "a"\. Choose from: b, c'),
        ("a;b\n1;2\n", r'no column "a"\. Its first line is "a;b"; .* dataset.delimiter=";"'),
        ("a,b\n1,2\n1\n", r"row 2 \(line 3\): Expected 2 cells, got 1\. .*on_bad_row=skip"),
        ('a,b\n1,"2\n', "line 2: not readable as a table"),
        ('"a', "line 1: not readable as column names"),
    ],
)
def test_damage_is_told_with_its_place(content: str, message: str, file: Any) -> None:
    with pytest.raises(DataError, match=message):
        rows(file(content), "a")


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"a": 1}\n{"a"\n', "line 2: not JSON"), ('{"a": 1}\n[1]\n', "line 2: expected an object, got list")],
)
def test_damaged_json_lines(content: str, message: str, file: Any) -> None:
    with pytest.raises(DataError, match=message):
        rows(file(content, "x.jsonl"), "a")


def test_a_delimiter_is_one_character(file: Any) -> None:
    assert rows(file("a;b\n1;2\n"), "b", delimiter=";") == [(["2"], "row 1 (line 2)")]
    with pytest.raises(ConfigError, match=r"dataset.delimiter=;;\n.*Expected one character"):
        rows(file("a;b\n"), "b", delimiter=";;")


def test_rows_left_out_are_counted_and_the_first_listed(file: Any) -> None:
    path = file("a,b\n" + "1\n" * 7 + "1,2\n")
    bad = BadRows(path, skip=True)
    found = list(read_records(path, ["b"], delimiter=None, encoding="utf-8", bad=bad))
    assert [record.cells for record in found] == [["2"]]
    (notice,) = bad.notices()
    assert "7 rows were left out. row 1 (line 2): Expected 2 cells, got 1." in notice
    assert notice.endswith("and 2 more")
    assert BadRows(path, skip=True).notices() == ()
