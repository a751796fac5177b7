"""dlrun.runs.export.rows: raw rows as inputs, by the JSON alone; and what is wrong with them."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dlrun.errors import DataError
from dlrun.runs.export.rows import RowEncoder

NUMBERS = {"kind": "numbers", "columns": ["a", "b"]}
TOKENIZER = {"name": "words", "vocabulary": ["good", "bad"], "lowercase": True}
TEXT = {"kind": "text", "column": "text", "tokenizer": TOKENIZER, "max_length": 3}
CODES = {"codes": {"f": 1, "3": 2}, "unknown": 0, "missing": 4}
TABLE = {
    "kind": "table",
    "missing_words": ["", "NA"],
    "columns": [
        {"name": "age", "kind": "number", "input": "numbers", "place": 0, "lenient": False, "median": 3.0},
        {"name": "odd", "kind": "number", "input": "numbers", "place": 1, "lenient": True, "median": 3.0},
        {"name": "fit", "kind": "boolean", "input": "numbers", "place": 2, "lenient": False, "median": 0.0},
        {"name": "when", "kind": "date", "input": "numbers", "place": 3, "lenient": False, "parts": list("ymdwh")},
        {"name": "sex", "kind": "category", "input": "categories", "place": 0, **CODES},
        {"name": "note", "kind": "text", "input": "text_1", "missing": -1, "tokenizer": TOKENIZER},
        {"name": "pic", "kind": "image", "input": "image_1", "size": [2, 2], "channels": 1, "fit": "crop"},
    ],
}  # fmt: skip


def value(name: str, dtype: str, *shape: int | str) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": ["batch", *shape]}


TABLE_INPUTS = [
    value("numbers", "float32", 8),
    value("categories", "int64", 1),
    value("text_1", "int64", 3),
    value("image_1", "float32", 1, 2, 2),
]


def encoder(how: dict[str, Any], *inputs: dict[str, Any]) -> RowEncoder:
    return RowEncoder({"inputs": list(inputs), "preprocessing": how})


def png(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (2, 2), grey).save(buffer, "PNG")
    return buffer.getvalue()


def test_numbers_by_name_or_in_order() -> None:
    found = encoder(NUMBERS, value("inputs", "float32", 2))([{"b": 2, "a": "1.5"}, [3, 4]])
    assert found["inputs"].tolist() == [[1.5, 2.0], [3.0, 4.0]]


def test_texts_are_cut_and_padded() -> None:
    encode = encoder(TEXT, value("tokens", "int64", "time"), value("lengths", "int64"))
    found = encode([{"text": "Good, bad good"}, "new"])
    assert found["tokens"].tolist() == [[2, 1, 3], [1, 0, 0]]
    assert found["lengths"].tolist() == [3, 1]


def test_a_language_model_reads_the_end_of_a_text() -> None:
    encode = encoder({**TEXT, "kind": "language"}, value("tokens", "int64", "time"))
    assert encode(["bad bad good bad good"])["tokens"].tolist() == [[2, 3, 2]]


def test_a_row_of_a_table_of_every_kind() -> None:
    row = {"age": 41, "odd": "x", "fit": True, "when": "2024-02-29 12:30", "sex": "f", "note": "bad!", "pic": png(7)}
    found = encoder(TABLE, *TABLE_INPUTS)([row])
    assert found["numbers"][0].tolist() == pytest.approx([41, math.nan, 1, 2024, 2, 29, 3, 12.5], nan_ok=True)
    assert found["categories"].tolist() == [[1]]
    assert found["text_1"].tolist() == [[3, 1, 0]]
    assert found["image_1"].flatten().tolist() == [7.0] * 4


def test_missing_and_unknown_values_of_a_table() -> None:
    row = dict.fromkeys(("age", "odd", "fit", "when", "sex", "note", "pic"))
    found = encoder(TABLE, *TABLE_INPUTS)([row, {**row, "age": "NA", "sex": "new"}, {**row, "sex": 3.0, "fit": "no"}])
    assert np.isnan(found["numbers"][:2]).all()
    assert found["categories"].tolist() == [[4], [0], [2]]  # 3.0 is the category 3
    assert found["numbers"][2, 2] == 0.0
    assert found["text_1"].tolist() == [[-1, 0, 0]] * 3
    assert np.isnan(found["image_1"]).all()


def test_the_last_points_of_a_series_are_its_window() -> None:
    encode = encoder({"kind": "series", "columns": ["a"], "window": 2}, value("inputs", "float32", 2, 1))
    points = [{"a": 1}, {"a": 2}, {"a": "3"}]
    assert encode([points, {"points": points[:2]}])["inputs"].tolist() == [[[2.0], [3.0]], [[1.0], [2.0]]]


def test_images_have_the_range_of_the_data() -> None:
    how = {"kind": "images", "size": [2, 2], "fit": "stretch", "channels": 1, "by_luma": False, "range": [0.0, 16.0]}
    encode = encoder(how, value("images", "float32", 1, 2, 2))
    assert encode([png(255), {"image": png(0)}])["images"].reshape(2, 4).tolist() == [[16.0] * 4, [0.0] * 4]


def test_arrays_of_different_lengths_are_padded() -> None:
    encode = encoder({"kind": "arrays"}, value("inputs", "float32", "time", 1), value("lengths", "int64"))
    found = encode([[[1.0], [2.0]], [[3.0]]])
    assert found["inputs"].tolist() == [[[1.0], [2.0]], [[3.0], [0.0]]]
    assert found["lengths"].tolist() == [2, 1]


TABLE_ROW = dict.fromkeys(("age", "odd", "fit", "when", "sex", "note", "pic"))


HOW: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "numbers": (NUMBERS, [value("inputs", "float32", 2)]),
    "text": (TEXT, [value("tokens", "int64", "time")]),
    "table": (TABLE, TABLE_INPUTS),
    "series": ({"kind": "series", "columns": ["a"], "window": 2}, [value("inputs", "float32", 2, 1)]),
    "arrays": ({"kind": "arrays"}, [value("inputs", "float32", 2)]),
    "audio": ({"kind": "audio", "rate": 8000, "seconds": 0.1}, [value("samples", "float32", 800)]),
}


@pytest.mark.parametrize(
    ("kind", "rows", "message"),
    [
        ("numbers", [], "There is no row"),
        ("numbers", [[1]], "row 1: expected 2 numbers, a, b"),
        ("numbers", [{"a": 1}], 'row 1: there is no column "b". Choose from: a'),
        ("numbers", [[1, 2], [1, "x"]], 'row 2, column "b": expected a finite number, got "x"'),
        ("numbers", [[1, 1e300]], "expected a finite number"),
        ("text", [{"text": " "}], 'row 1, column "text": expected a text, got " "'),
        ("text", [None], "expected a text, got nothing"),
        ("text", [{"txt": "a"}], 'there is no column "text". Did you mean "txt"'),
        ("table", ["x"], 'row 1: expected a mapping from columns to values, got "x"'),
        ("table", [{**TABLE_ROW, "age": "old"}], 'row 1, column "age": expected a number, got "old"'),
        ("table", [{**TABLE_ROW, "age": 10**400}], 'row 1, column "age": expected a number, got "1000'),
        ("table", [{**TABLE_ROW, "fit": "maybe"}], 'column "fit": expected yes or no, got "maybe"'),
        ("table", [{**TABLE_ROW, "when": "soon"}], 'column "when": expected a date as 2026-01-31'),
        ("table", [{**TABLE_ROW, "pic": "a.png"}], 'column "pic": expected the content of a file, got "a.png"'),
        ("table", [{**TABLE_ROW, "pic": b"x"}], "row 1: the image is damaged or cut off"),
        ("series", [[{"a": 1}]], "expected a list of at least 2 points in time"),
        ("arrays", [[1, 2, 3]], r"expected finite numbers of shape \[2\], got \[3\]"),
        ("arrays", [["x", 1]], "row 1: expected nested numbers"),
        ("audio", [b"x"], "row 1: is not audio"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(kind: str, rows: Any, message: str) -> None:
    if kind == "audio":
        pytest.importorskip("soundfile")
    how, inputs = HOW[kind]
    with pytest.raises(DataError, match=message):
        encoder(how, *inputs)(rows)


def test_a_text_without_a_token_is_refused() -> None:
    how = {**TEXT, "max_length": 0}
    with pytest.raises(DataError, match="the text has no token"):
        encoder(how, value("tokens", "int64", "time"))(["good"])
