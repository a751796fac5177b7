"""dlrun.data.encoders: how new rows are read for a dataset without an encoder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.data.encoders import default_encoder
from dlrun.data.spec import DataSpec
from dlrun.errors import DataError


def unexpected(text: str) -> None:
    raise AssertionError(text)


def test_dense_rows_are_read_as_numbers() -> None:
    Path("new.csv").write_text("a,b\n1,2\n")
    encoder = default_encoder("line", DataSpec("dense", (2,), "regression", 1), pad=0, warn=unexpected)
    assert encoder.encode(Path("new.csv")).inputs.tolist() == [[1, 2]]


def test_rows_without_a_file_format_are_reported() -> None:
    spec = DataSpec("sequence", (5, 2), "regression", 1)
    with pytest.raises(DataError) as caught:
        default_encoder("mine", spec, pad=0, warn=unexpected)
    assert str(caught.value) == (
        "mine: new rows of this dataset (sequences of 5 steps x 2 features, 1 number to predict) "
        "cannot be read from a file."
    )
