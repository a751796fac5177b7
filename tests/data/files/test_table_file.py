"""`dlrun.data.files.table_file`: formats, delimiters, names of columns, and the lines of rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from dlrun.data.files.table_file import TableFile
from dlrun.errors import ConfigError, DataError


def file(name: str = "t.csv", content: str | bytes = "a,b\n1,x\n2,\n,y z\n", **fields: Any) -> TableFile:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return TableFile(Path(name), **fields)


def test_the_delimiter_is_the_one_that_divides_lines_alike() -> None:
    assert file(content="a;b\n1,5;x\n2,5;y\n").delimiter == ";"
    assert file(content="a|b\n1|x\n").delimiter == "|"
    assert file("t.tab", "a,1\tb\n1\tx\n").delimiter == "\t"
    assert file(content="a,b\n1,x\n", delimiter=",").names == ["a", "b"]


def test_without_a_delimiter_the_ending_decides() -> None:
    assert file(content="a;b\n1;x\n", delimiter=None).names == ["a;b"]
    assert file("t.tsv", "a\tb\n1\tx\n", delimiter=None).names == ["a", "b"]


def test_the_digest_is_that_of_the_bytes() -> None:
    assert file(content=b"a\n1\n").digest == "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc"


def test_lines_are_those_that_rows_begin_on() -> None:
    table = file(content='a,b\n1,"x\ny"\n\n2,z\n3\n4,w\n')
    assert table.lines_of([0, 1, 2]) == [2, 5, 7]
    assert list(table.wide_rows()) == [(6, 1)]
    assert file("t.jsonl", '{"a": 1}\n\n[1]\n{"a": 2}\n').lines_of([1]) == [4]
    parquet.write_table(pyarrow.table({"a": [1, 2]}), "p.parquet")
    table = TableFile(Path("p.parquet"))
    assert table.lines_of([1]) == [2]
    assert table.place(2) == "row 2"


def test_the_names_of_json_are_those_of_the_first_object() -> None:
    table = file("t.json", '[1]\n{"a": 1}\n{"b": 2, "a": 3}\n')
    assert table.names == ["a"]
    assert table.all_names() == ["a", "b"]


def test_json_may_be_one_list_of_objects() -> None:
    table = file("t.json", '\n [{"a": 1},\n{"b": 2, "a": 3}, 4]')
    assert (table.names, table.all_names(), table.place(2)) == (["a"], ["a", "b"], "row 2")
    assert table.lines_of([1]) == [2]
    bad: list[tuple[int, str]] = []
    assert list(table.json_rows(lambda *problem: bad.append(problem))) == [(1, {"a": 1}), (2, {"b": 2, "a": 3})]
    assert bad == [(3, "expected a JSON object, got a number.")]
    assert file("t.json", '{"a": 1}\n').place(2) == "line 2"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "", "the file is empty"),
        ("t.csv", "a,b\n", "there is no row below the heading"),
        ("t.csv", "\n\n", "there is no row"),
        ("t.csv", b"a\n1\nx\0\n", "line 3 has a NUL character"),
        ("t.csv", b"a\n\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
        ("t.csv", b"\xff\xfea\x00", "the file is UTF-16. Set the encoding of the file, for example"),
        ("t.xls", "a\n1\n", "expected a file ending in .csv"),
        ("t.jsonl", "[1]\n", "line 1: expected a JSON object, got a list"),
        ("t.json", '[{"a": 1}]\n[{"a": 2}]\n', "line 1: expected a JSON object, got a list"),
        ("t.json", '[{"a": 1}, ', "line 1: expected a JSON object, got no JSON"),
        ("t.json", "[]", "expected a JSON object, got a list"),
        ("t.jsonl", "{\n", "line 1: expected a JSON object, got no JSON"),
        ("t.jsonl", "\n", "there is no row"),
        ("t.parquet", "PAR1", "t.parquet: cannot be read as parquet"),
    ],
)
def test_a_file_that_is_not_a_table_is_an_error(name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        file(name, content)


def test_a_delimiter_or_encoding_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r'dataset.delimiter=ab\n.*Expected auto, tab or one character, got "ab"'):
        file(delimiter="ab")
    with pytest.raises(ConfigError, match='There is no encoding "klingon"; try utf-8'):
        file(encoding="klingon")
    with pytest.raises(DataError, match="there is no such file"):
        TableFile(Path("none.csv"))


def test_a_column_that_is_missing_or_there_twice_is_an_error() -> None:
    table = file(content="a,b,b\n1,2,3\n")
    table.check_columns(["a"], table.names)
    with pytest.raises(DataError, match=r't.csv: duplicate column "b"; rename one of them\.'):
        table.check_columns(["a", "b"], table.names)
    bare = file(content="0,1.5,-2,0\n1,2,3,4\n")
    with pytest.raises(DataError, match=r'"0"; all names are numbers: if the file has no heading, put a line of names'):
        bare.check_columns(bare.names, bare.names)
    with pytest.raises(DataError, match=r't.csv: there is no column "c"\. Choose from: a, b'):
        table.check_columns(["c"], table.names)
    bare = file(content="163.4,73.7,female\n150,60,male\n")
    assert str(bare.missing_column("sex", bare.names)) == (
        't.csv: there is no column "sex". In the first line, "163.4" is a number: if the file has no heading, put a '
        "line of names first."
    )
    assert str(bare.missing_column("femal", bare.names)).endswith('. Did you mean "female"?')
    only = file(content="a;b\n1;2\n", delimiter=",")
    assert str(only.missing_column("c", only.names, "for dataset.target")) == (
        't.csv: there is no column "c" for dataset.target. Its only column is "a;b": is dataset.delimiter right? '
        "Choose from: a;b."
    )


def test_more_columns_than_a_model_can_have_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number}" for number in range(10_001)) + "\n" + "1," * 10_000 + "1\n")
    with pytest.raises(DataError, match=r"expected at most 10,000 columns, got 10,001; is the file transposed\?"):
        TableFile(path)


def test_a_line_of_megabytes_is_no_defect(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("x;y\n" + "1" * 3_000_000 + ";1\n")
    assert TableFile(path).names == ["x", "y"]
