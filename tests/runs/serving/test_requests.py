"""dlrun.runs.serving.requests: what a body may say, and what is told of one that is wrong."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from dlrun.runs.export.rows import RowError
from dlrun.runs.serving.requests import PredictionRequest, Reader, Refused, read_json, refusal

NUMBERS = {"kind": "numbers", "columns": ["a", "b"]}
TABLE = {
    "kind": "table",
    "columns": [
        {"name": "age", "kind": "number"},
        {"name": "sex", "kind": "category"},
        {"name": "pic", "kind": "image"},
    ],
}
TEXT = {"kind": "text", "column": "text"}
SERIES = {"kind": "series", "columns": ["a"], "window": 2}
IMAGES = {"kind": "images"}


def reader(how: dict[str, Any], *, most_rows: int = 3) -> Reader:
    return Reader(how, takes_inputs=how["kind"] != "table", most_rows=most_rows)


def told(how: dict[str, Any], body: Any) -> list[Any]:
    """Return the status, and field and reason of every fault."""
    with pytest.raises(Refused) as caught:
        reader(how).of_json(json.dumps(body).encode())
    return [caught.value.status, *((fault.field, fault.reason) for fault in caught.value.faults)]


def test_rows_of_each_kind() -> None:
    assert reader(NUMBERS).of_json(b'{"rows": [{"a": 1, "b": 2.5, "c": 9}, [3, 4]]}') == PredictionRequest(
        [{"a": 1, "b": 2.5, "c": 9}, {"a": 3, "b": 4}]
    )
    pic = base64.b64encode(b"x").decode()
    asked = reader(TABLE).of_json(json.dumps({"rows": [{"age": None, "sex": "m", "pic": pic}]}).encode())
    assert asked.rows == [{"age": None, "sex": "m", "pic": b"x"}]
    assert reader(TEXT).of_json(b'{"rows": ["a b"], "probabilities": true}') == PredictionRequest(
        [{"text": "a b"}], probabilities=True
    )
    assert reader(SERIES).of_json(b'{"rows": [{"points": [{"a": 1}, {"a": 2}]}]}').rows == [
        {"points": [{"a": 1}, {"a": 2}]}
    ]
    assert reader(IMAGES).of_json(json.dumps({"rows": [pic, {"image": pic}]}).encode()).rows == [b"x", b"x"]
    assert reader(NUMBERS).of_json(b'{"inputs": [[1, 2]], "length": 3, "temperature": 0}') == PredictionRequest(
        [[1, 2]], raw=True, length=3, temperature=0
    )
    assert reader(IMAGES).of_files([b"a", b"b"], probabilities=True) == PredictionRequest(
        [b"a", b"b"], probabilities=True
    )


@pytest.mark.parametrize(
    ("how", "body", "faults"),
    [
        (NUMBERS, [1], [422, ("", 'Expected an object with "rows", got a list.')]),
        (NUMBERS, {"row": [[1, 2]]}, [422, ("row", 'There is no such key. Did you mean "rows"?'),
                                      ("", 'Expected one of "rows" and "inputs".')]),
        (NUMBERS, {"rows": [], "inputs": []}, [422, ("", 'Expected one of "rows" and "inputs".')]),
        (NUMBERS, {"rows": "ab"}, [422, ("rows", "Expected a list, got a text.")]),
        (NUMBERS, {"rows": None}, [422, ("rows", "Expected a list, got null.")]),
        (NUMBERS, {"rows": []}, [422, ("rows", "There is no row.")]),
        (NUMBERS, {"rows": [[1, 2]] * 4}, [413, ("rows", "Expected at most 3 rows in a request, got 4; send several "
                                                 "requests.")]),
        (NUMBERS, {"rows": [[1]]}, [422, ("rows[0]", "Expected 2 numbers, got 1.")]),
        (NUMBERS, {"rows": [7]}, [422, ("rows[0]", "Expected an object of columns and values, got a number.")]),
        (NUMBERS, {"rows": [{"a": True, "B": 1}]}, [422, ("rows[0].a", "Expected a number, got true or false."),
                                                    ("rows[0].b", 'This column is missing. There is "B".')]),
        (NUMBERS, {"rows": [{"a": 1, "b": []}]}, [422, ("rows[0].b", "Expected a number, got a list.")]),
        (NUMBERS, {"rows": [[1, 2]], "probabilities": 1}, [422, ("probabilities", "Expected true or false.")]),
        (NUMBERS, {"rows": [[1, 2]], "length": 501}, [422, ("length", "Expected a whole number of tokens from 1 to "
                                                            "500.")]),
        (NUMBERS, {"rows": [[1, 2]], "temperature": 1e-9}, [422, ("temperature", "Expected 0, or a number from 0.01 "
                                                                  "to 100.")]),
        (TABLE, {"inputs": [[1]]}, [422, ("inputs", "A row of this model (table) is not given as numbers alone; send "
                                          '"rows".')]),
        (TABLE, {"rows": [{"age": 1, "sex": {}, "pic": None}]}, [422, ("rows[0].sex", "Expected a category, got an "
                                                                       "object.")]),
        (TABLE, {"rows": [{"age": 1, "sex": "m", "pic": "%"}]}, [422, ("rows[0].pic", "Expected a file in base64; "
                                                                       "this is none.")]),
        (TEXT, {"rows": [{"text": " "}]}, [422, ("rows[0].text", "Expected a text that is not empty.")]),
        (TEXT, {"rows": [{"text": 3}]}, [422, ("rows[0].text", "Expected a text that is not empty.")]),
        (TEXT, {"rows": ["a" * 1048577]}, [422, ("rows[0].text", "Expected a text of at most 1,048,576 characters.")]),
        (TEXT, {"rows": ["a\ud800"]}, [422, ("rows[0].text", "Expected a text; this one has half of a character.")]),
        (SERIES, {"rows": [{"a": 1}]}, [422, ("rows[0].points", "Expected a list of points in time, got null.")]),
        (SERIES, {"rows": [[{"a": 1}]]}, [422, ("rows[0].points", "Expected at least 2 points in time, got 1.")]),
        (SERIES, {"rows": [[{"a": 1}, {}]]}, [422, ("rows[0].points[1].a", "This column is missing.")]),
        (IMAGES, {"rows": [3]}, [422, ("rows[0]", "Expected a file in base64, got a number.")]),
        (IMAGES, {"rows": [{}]}, [422, ("rows[0].image", "Expected a file in base64, got null.")]),
    ],
)  # fmt: skip
def test_what_is_told(how: dict[str, Any], body: Any, faults: list[Any]) -> None:
    assert told(how, body) == faults


def test_at_most_twenty_faults_are_told() -> None:
    with pytest.raises(Refused) as caught:
        reader(NUMBERS, most_rows=1000).of_json(json.dumps({"rows": [{}] * 1000}).encode())
    assert len(caught.value.faults) == 20


def test_files_for_a_model_of_rows() -> None:
    with pytest.raises(Refused, match=r"files: A row of this model \(text\) is no file; send JSON"):
        reader(TEXT).of_files([b""], probabilities=False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "The body is no JSON: Expecting value"),
        (b'{"rows": [NaN]}', "NaN is no number of JSON; a missing value is null"),
        (b"\xff", "can't decode byte"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"rows": [' + b"9" * 5000 + b"]}", "Exceeds the limit"),
    ],
)
def test_what_is_no_json(body: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as caught:
        read_json(body)
    assert caught.value.status == 400


def test_a_row_that_cannot_be_encoded_is_told_with_its_field() -> None:
    (fault,) = refusal(RowError(2, "age", "expected a number, got nothing."), "rows").faults
    assert (fault.field, fault.reason) == ("rows[1].age", "Expected a number, got nothing.")
    (fault,) = refusal(RowError(1, None, "the image is damaged."), "rows").faults
    assert (fault.field, fault.reason) == ("rows[0]", "The image is damaged.")
