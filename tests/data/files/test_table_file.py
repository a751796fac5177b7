"""dlrun.data.files.table_file: names, samples and batches of any format, and the lines that mistakes stand on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from dlrun.data.files.table_file import NotNumbersError, TableFile
from dlrun.errors import ConfigError, DataError

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}, {"a": None, "b": "y z"}]


def file(name: str = "t.csv", content: str | bytes = "a,b\n1,x\n2,\n,y z\n", **fields: Any) -> TableFile:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return TableFile(Path(name), **fields)


def of_every_format() -> list[TableFile]:
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), "t.parquet")
    lines = "\n".join(json.dumps(row) for row in ROWS)
    return [file(), file("t.tsv", "a\tb\n1\tx\n2\t\n\ty z\n"), file("t.jsonl", lines), TableFile(Path("t.parquet"))]


def test_every_format_gives_the_same_names_sample_and_batches() -> None:
    for table in of_every_format():
        assert table.names == ["a", "b"]
        assert table.sample() == {"a": ["1", "2", None], "b": ["x", None, "y z"]}
        (batch,) = table.batches(numbers=["a"], names=["b", "a"])
        assert batch.column(1).to_pylist()[:2] == [1.0, 2.0]
        assert batch.column(0).to_pylist() == ["x", None, "y z"]
        assert table.num_rows in (2, 3, 4), "lines, or rows where the file tells"


def test_the_delimiter_is_the_one_that_cuts_lines_alike() -> None:
    assert file(content="a;b\n1,5;x\n2,5;y\n").delimiter == ";"
    assert file(content="a|b\n1|x\n").delimiter == "|"
    assert file("t.tab", "a,1\tb\n1\tx\n").delimiter == "\t"
    assert file(content="a,b\n1,x\n", delimiter=",").names == ["a", "b"]


def test_a_column_taken_for_numbers_that_holds_a_text_is_named() -> None:
    parquet.write_table(pyarrow.table({"a": ["1", "x"]}), "p.parquet")
    for table in (file(content="a\n1\nx\n"), TableFile(Path("p.parquet"))):
        with pytest.raises(NotNumbersError) as caught:
            list(table.batches(numbers=["a"], names=["a"]))
        assert caught.value.column == "a"


def test_rows_of_another_width_are_told_with_their_line() -> None:
    told: list[tuple[int, str]] = []
    table = file(content="a,b\n1,x\n2\n3,y,z\n4,w\n")
    (batch,) = table.batches(numbers=["a"], names=["a"], bad=lambda line, what: told.append((line, what)))
    assert batch.column(0).to_pylist() == [1, 4]
    assert told == [(3, "expected 2 columns, got 1"), (4, "expected 2 columns, got 3")]


def test_records_stand_on_the_lines_that_they_begin_on() -> None:
    assert file(content='a,b\n1,"x\ny"\n\n2,z\n3\n4,w\n').lines_of([0, 1, 2]) == [2, 5, 7]
    assert file("t.jsonl", '{"a": 1}\n\n{"a": 2}\n').lines_of([1]) == [3]
    parquet.write_table(pyarrow.table({"a": [1, 2]}), "p.parquet")
    assert TableFile(Path("p.parquet")).lines_of([1]) == [2]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "the file is empty"),
        ("t.csv", "a,b\n", "there is no row below the heading"),
        ("t.csv", "\n\n", "there is no row"),
        ("t.csv", "a,a\n1,2\n", 'the column "a" stands twice; rename one of them'),
        ("t.csv", b"a\n1\nx\0\n", "line 3 holds a NUL byte"),
        ("t.csv", b"a\n\xe9\n", "line 2 is not UTF-8. Give the file's own encoding"),
        ("t.csv", b"\xff\xfea\x00", "this is UTF-16; add dataset.encoding=utf-16"),
        ("t.xls", "a\n1\n", "expected a file ending in .csv"),
        ("t.jsonl", "[1]\n", "line 1: expected a JSON mapping of columns to values"),
        ("t.jsonl", "{\n", "cannot be read as json"),
        ("t.parquet", "PAR1", "t.parquet: cannot be read as parquet"),
    ],
)
def test_what_is_no_table_is_told(name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        file(name, content)


def test_a_delimiter_or_encoding_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match='Expected auto, tab or one character, got "ab"'):
        file(delimiter="ab")
    with pytest.raises(ConfigError, match='There is no encoding "klingon"; try utf-8'):
        file(encoding="klingon")
    with pytest.raises(DataError, match="there is no such file"):
        TableFile(Path("none.csv"))
