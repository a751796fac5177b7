"""dlrun.data.tables.reading: the columns and rows of each file, and what all rows say that the first do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.data.files import arrow_table
from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column
from dlrun.data.tables.reading import TrainTable, read_other, read_train
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import DataError

PLAIN = "n,c,y\n" + "".join(f"{i % 7 / 2},{'uvw'[i % 3]},{'ab'[i % 2]}\n" for i in range(40))


def train(content: str, **fields: Any) -> TrainTable:
    Path("t.csv").write_text(content)
    return read_train(
        ArrowTable(Path("t.csv")), TableSettings(**{"name": "table", "path": "t", "target": "y", **fields})
    )


def test_where_the_first_rows_say_all_there_is_no_news() -> None:
    found = train(PLAIN)
    assert found.columns == [Column("n", "number"), Column("c", "category"), Column("y", "category", is_target=True)]
    assert (found.judged, found.ignored) == ({}, {})


def test_what_all_rows_say_and_the_first_did_not_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    assert train("id,x,y\n" + "".join(f"{i},{i % 7},{'ab'[i % 2]}\n" for i in range(40))).judged == {
        "kinds": {"id": None}
    }
    assert train(PLAIN + "many,u,a\n").judged == {"lenient": ["n"]}
    monkeypatch.setattr(arrow_table, "_SAMPLE_ROWS", 10)
    assert train(PLAIN + "many,u,a\n" * 40).judged == {"kinds": {"n": "category"}}
    assert train(PLAIN).judged == {}


def test_columns_that_are_set_aside_have_no_raw_numbers() -> None:
    found = train("d,n,e,y\n" + "".join(f"2026-01-31,{i % 7 / 2},k,{'ab'[i % 2]}\n" for i in range(10)))
    assert [column.name for column in found.columns] == ["n", "y"]
    assert found.rows.raw.tolist() == [[i % 7 / 2, i % 2] for i in range(10)]


def test_other_files_need_the_columns_that_are_used_alone() -> None:
    found = train(PLAIN.replace("n,c", "n,x").replace("u,", "w,").replace("v,", "w,") + "many,w,b\n")
    assert found.ignored == {"x": "the same value in every row"}
    settings = TableSettings("table", "t", "y")
    Path("o.csv").write_text("y,n\na,few\nb,3\n")
    rows = read_other(ArrowTable(Path("o.csv")), found.columns, settings)
    assert rows.strays == {"n": {"few": 1}}  # words count as missing, as in the training file
    Path("o.csv").write_text("y\na\n")
    with pytest.raises(DataError, match='there is no column "n"'):
        read_other(ArrowTable(Path("o.csv")), found.columns, settings)
    Path("o.csv").write_text("y,n\n,3\n,4\n")
    with pytest.raises(DataError, match=r'o\.csv: the target "y" has no value in any row'):
        read_other(ArrowTable(Path("o.csv")), found.columns, settings)


def test_words_in_another_file_alone_are_bad() -> None:
    found = train(PLAIN)
    Path("o.csv").write_text("y,n,c\na,few,u\nb,3,u\n")
    with pytest.raises(DataError, match=r'o\.csv: line 2, column "n": expected a number, got "few"'):
        read_other(ArrowTable(Path("o.csv")), found.columns, TableSettings("table", "t", "y"))
