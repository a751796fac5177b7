"""`dlrun.data.files.other_forms`: how to turn a table into a form that is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.data.files.other_forms import how_to_convert, not_rows
from dlrun.data.files.table_file import TableFile
from dlrun.errors import DataError


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("a b.xlsx", """python -c 'import pandas; pandas.read_excel("a b.xlsx").to_csv("a b.csv", index=False)'"""),
        ("x.DTA", """python -c 'import pandas; pandas.read_stata("x.DTA").to_csv("x.csv", index=False)'"""),
        ("x.csv.gz", """python -c 'import pandas; pandas.read_csv("x.csv.gz").to_csv("x.csv", index=False)'"""),
        ("x.rds", """Rscript -e 'write.csv(readRDS("x.rds"), "x.csv", row.names=FALSE)'"""),
        ("d/x.sqlite", "sqlite3 -header -csv d/x.sqlite 'SELECT * FROM TABLE' > d/x.csv"),
    ],
)
def test_a_form_that_is_not_read_is_told_with_the_command_that_makes_a_csv(name: str, command: str) -> None:
    assert how_to_convert(Path(name)) == f" To make a CSV of it: {command}"
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        TableFile(Path(name))
    assert str(caught.value).endswith(f".ndjson, .json. To make a CSV of it: {command}")


def test_arrays_have_a_dataset_of_their_own_and_of_others_nothing_is_known() -> None:
    assert how_to_convert(Path("x.npz")).endswith("dlrun dataset=arrays dataset.path=x.npz")
    assert how_to_convert(Path("x.docx")) == how_to_convert(Path("x")) == ""


def test_one_json_object_that_holds_a_table_is_no_row() -> None:
    convert = """python -c 'import pandas; pandas.read_json("t.json").to_csv("t.csv", index=False)'"""
    for columns in ({"a": {"0": 1, "1": 2}, "y": {"0": 3, "1": 4}}, {"a": [1, 2], "y": [3, 4]}):
        Path("t.json").write_text(json.dumps(columns))
        with pytest.raises(DataError) as caught:
            TableFile(Path("t.json"))
        assert "t.json: the file is one object of columns; " in str(caught.value)
        assert str(caught.value).endswith(convert)
    Path("t.json").write_text(json.dumps({"version": 1, "data": [{"a": 1}, {"a": 2}]}))
    with pytest.raises(DataError, match=r't\.json: the rows are under "data"; expected one list of objects'):
        TableFile(Path("t.json"))


def test_a_row_with_lists_is_a_row() -> None:
    assert not_rows({"a": 1, "b": [1, 2]}, Path("t")) == not_rows({"a": [1], "b": [2]}, Path("t")) == ""
    Path("t.jsonl").write_text('{"a": [1, 2], "b": [1, 2]}\n' * 2)
    assert TableFile(Path("t.jsonl")).names == ["a", "b"]


def test_a_binary_file_is_not_read_as_csv_where_any_ending_may_be_one() -> None:
    Path("x.xlsx").write_bytes(b"PK\x03\x04\0\0")
    with pytest.raises(DataError, match="To make a CSV of it: python -c"):
        TableFile(Path("x.xlsx"), default_format="csv")
    Path("x.db").write_text("a,b\n1,2\n")
    assert TableFile(Path("x.db"), default_format="csv").names == ["a", "b"]
