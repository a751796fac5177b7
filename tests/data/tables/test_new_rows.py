"""dlrun.data.tables.new_rows: predictions for files in other formats, orders, delimiters and encodings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from pyarrow import parquet
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import prepare
from dlrun.data.source import Encoder
from dlrun.data.tables.new_rows import other_form
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source
from dlrun.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"age": None, "zone": 1, "post": "01234", "town": "Köln", "paid": True, "day": "2026-01-31", "note": "very good"},
    {"age": 31.5, "zone": 2, "post": "04567", "town": "Oslo", "paid": False, "day": "2026-02-01", "note": "very bad"},
    {"age": 40, "zone": 1, "post": "01234", "town": None, "paid": True, "day": "2026-02-01T12:30", "note": "not good"},
]
NAMES = list(ROWS[0])
COLUMNS = {"note": "text", "zone": "category", "post": "category"}


def cell(value: object) -> str:
    return "" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def write_csv(name: str, names: list[str] = NAMES, *, delimiter: str = ",", encoding: str = "utf-8") -> None:
    rows = [names, *([cell(row.get(key, "of no use")) for key in names] for row in ROWS)]
    Path(name).write_text("".join(delimiter.join(row) + "\n" for row in rows), encoding=encoding)


def write_lines(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def trained(**fields: str) -> tuple[Encoder, Tensor]:
    """The encoder of a run on 12 rows, and the features of `ROWS`."""
    settings = TableSettings("table", path="train.csv", target="y", columns=COLUMNS, **fields)  # type: ignore[arg-type]
    separator = settings.delimiter.replace("auto", ",")
    write_csv("train.csv", delimiter=separator, encoding=settings.encoding)
    head, *lines = Path("train.csv").read_text(encoding=settings.encoding).splitlines()
    all_lines = [f"{head}{separator}y", *(f"{line}{separator}{'ab'[i % 2]}" for i, line in enumerate(lines * 4))]
    Path("train.csv").write_text("\n".join(all_lines), encoding=settings.encoding)
    none = DatasetSettings(val_fraction=0, test_fraction=0, standardise=False)
    bundle = prepare("table", table_source(settings), none)
    assert bundle.encoder is not None
    return bundle.encoder, bundle.train.fetch(slice(0, 3)).inputs


def tables() -> dict[str, Callable[[], object]]:
    """How to write `ROWS` as a file of each name, in one of the forms that programs write."""
    table = pyarrow.Table.from_pylist(ROWS)
    other = table.set_column(0, "age", pyarrow.array([None, Decimal("31.5"), Decimal(40)]))
    other = other.set_column(1, "zone", pyarrow.array([1.0, 2.0, 1.0]))
    other = other.set_column(3, "town", table["town"].dictionary_encode())
    other = other.set_column(4, "paid", pyarrow.array([1, 0, 1]))
    other = other.set_column(6, "note", table["note"].cast(pyarrow.large_string()))
    as_texts = [{key: cell(value) for key, value in row.items()} for row in ROWS]
    present = [{key: value for key, value in row.items() if value is not None} for row in ROWS]
    return {
        "order.csv": lambda: write_csv("order.csv", NAMES[::-1]),
        "more.csv": lambda: write_csv("more.csv", ["id", *NAMES[::-1], "y", "other"]),
        "semicolons.csv": lambda: write_csv("semicolons.csv", delimiter=";"),
        "tabs.tsv": lambda: write_csv("tabs.tsv", delimiter="\t"),
        "bars.txt": lambda: write_csv("bars.txt", delimiter="|"),
        "mark.csv": lambda: write_csv("mark.csv", encoding="utf-8-sig"),
        "lines.jsonl": lambda: write_lines("lines.jsonl", ROWS),
        "texts.jsonl": lambda: write_lines("texts.jsonl", as_texts),
        "mixed.jsonl": lambda: write_lines("mixed.jsonl", [ROWS[0], as_texts[1], ROWS[2]]),
        "absent.jsonl": lambda: write_lines("absent.jsonl", present),
        "list.json": lambda: Path("list.json").write_text(json.dumps(ROWS, indent=1)),
        "rows.parquet": lambda: parquet.write_table(table, "rows.parquet"),
        "other.parquet": lambda: parquet.write_table(other, "other.parquet"),
    }


@pytest.mark.parametrize("name", list(tables()))
@pytest.mark.parametrize("fields", [{}, {"delimiter": ";", "encoding": "cp1252"}])
def test_the_same_rows_in_another_form_have_the_same_features(name: str, fields: dict[str, str]) -> None:
    encoder, expected = trained(**fields)
    tables()[name]()
    assert torch.equal(encoder.encode(Path(name)).inputs, expected)


def test_the_encoding_of_the_training_table_is_known_too() -> None:
    encoder, expected = trained(delimiter=";", encoding="cp1252")
    write_csv("new.csv", encoding="cp1252")
    assert torch.equal(encoder.encode(Path("new.csv")).inputs, expected)
    encoder, expected = trained(encoding="utf-16")
    write_csv("new.csv", encoding="utf-16")
    assert torch.equal(encoder.encode(Path("new.csv")).inputs, expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("age,zone,post,town,day,note\n1,1,1,x,x,x\n", 'new.csv: there is no column "paid", which the run was trained'),
        ("age,zone,day\n1,1,1\n", 'there are no columns "post", "town", "paid", "note", which the run was trained on.'),
        ("AGE,zone\n1,1\n", '"paid", "day" and 1 more, which the run was trained on. Did you mean "AGE"?'),
        ("age/zone\n1/1\n", 'Its only column is "age/zone"; expected a comma, semicolon, tab or bar between columns.'),
        (",".join(NAMES) + "\nmany,1,1,x,yes,,x\n", 'line 2, column "age": expected a number, got "many".'),
        (",".join(NAMES) + "\n1,1\n", "line 2: expected 7 columns, got 2; is a delimiter or a quote missing?"),
        ("ä".encode("cp1252"), "line 1: byte 0xe4 is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_what_is_wrong_with_new_rows_is_told_without_fields_of_training(content: str | bytes, message: str) -> None:
    encoder, _ = trained()
    Path("new.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=re.escape(message)) as error:
        encoder.encode(Path("new.csv"))
    assert "dataset." not in str(error.value)


def test_a_damaged_parquet_file_is_told() -> None:
    encoder, _ = trained()
    Path("new.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"new\.parquet: cannot be read as parquet"):
        encoder.encode(Path("new.parquet"))


def test_other_forms_of_a_category() -> None:
    words = ["3", "3.0", "-12.0", "true", "False", "3.5", "x.0", "x", "03"]
    assert [other_form(word) for word in words] == ["3.0", "3", "-12", "True", "false", "3.5", "x.0", "x", "03.0"]
