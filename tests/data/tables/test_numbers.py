"""dlrun.data.tables.numbers: rows of plain numbers in every format, and files that have others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from dlrun.data.tables.numbers import NumbersEncoder
from dlrun.errors import DataError

ROWS = [[1.0, -2.5], [3.0, 4.0]]


def write(name: str) -> Path:
    path = Path(name)
    if name.endswith(".npy"):
        np.save(path, np.array(ROWS))
    elif name.endswith(".parquet"):
        parquet.write_table(pyarrow.table({"a": [1.0, 3.0], "b": [-2.5, 4.0]}), path)
    else:
        texts = {".csv": "a,b\n1,-2.5\n\n3,4\n", ".tsv": "1\t-2.5\n3\t4\n", ".jsonl": '[1, -2.5]\n{"a": 3, "b": 4}\n'}
        path.write_text(texts[path.suffix])
    return path


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.jsonl", "new.parquet", "new.npy"])
def test_every_format_has_the_same_rows(name: str) -> None:
    assert NumbersEncoder(2).encode(write(name)).inputs.tolist() == ROWS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"1,2\n3\n", "x.csv: line 2: expected 2 numbers, got 1 value."),
        ("x.csv", b"1,2\n3,inf\n", 'x.csv: line 2, column 2: expected a number, got "inf".'),
        ("x.jsonl", b"7\n", "x.jsonl: cannot be read as rows of numbers (expected a list or a mapping on each line"),
        ("x.csv", b"\xff\n", "x.csv: cannot be read as rows of numbers ("),
        ("x.npy", b"nothing", "x.npy: cannot be read as rows of numbers ("),
    ],
)
def test_other_content_is_reported(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        NumbersEncoder(2).encode(Path(name))
    assert str(caught.value).startswith(message)


def test_an_array_of_another_shape_is_reported() -> None:
    np.save("x.npy", np.zeros((3, 4)))
    with pytest.raises(DataError) as caught:
        NumbersEncoder(2).encode(Path("x.npy"))
    assert str(caught.value) == "x.npy: expected numbers of shape (rows, 2), got float64 of shape (3, 4)."
