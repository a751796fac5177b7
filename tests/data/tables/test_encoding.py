"""dlrun.data.tables.encoding: fitted on training rows, applied to new ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dlrun.data.tables.columns import Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.errors import DataError

NAN = float("nan")
COLUMNS = [Column("n", "number"), Column("c", "category"), Column("m", "number")]
WORDS = {"c": ["red", "blue", "green"]}
RAW = torch.tensor([[1, 0, NAN], [2, 1, 5], [9, 0, 7], [4, NAN, 9]])  # n, c, m; c: red, blue, red, missing


def fitted(*, embed: bool = False, max_categories: int = 100) -> TableEncoder:
    encoder = TableEncoder(COLUMNS, embed=embed, max_categories=max_categories, words=WORDS)
    encoder.fit(RAW)
    return encoder


def finished(encoder: TableEncoder, raw: Tensor = RAW) -> list[list[float]]:
    return encoder.transform(raw.clone()).tolist()  # type: ignore[no-any-return]


def test_words_count_as_missing_in_new_rows_of_a_lenient_column_alone() -> None:
    encoder = TableEncoder([Column("n", "number", lenient=True), COLUMNS[2]], embed=False, max_categories=9)
    encoder.fit(RAW[:, [0, 2]])
    state = json.loads(json.dumps(encoder.state()))
    Path("new.csv").write_text("n,m\nother,5\n7,6\n")
    assert TableEncoder.restored(state).encode(Path("new.csv")).inputs.tolist() == [[3, 5, 0], [7, 6, 0]]
    Path("new.csv").write_text("n,m\n1,other\n")
    with pytest.raises(DataError, match='column "m": expected a number, got "other"'):
        TableEncoder.restored(state).encode(Path("new.csv"))
    del state["lenient"]  # as in older runs
    Path("new.csv").write_text("n,m\nother,5\n")
    with pytest.raises(DataError, match='column "n": expected a number, got "other"'):
        TableEncoder.restored(state).encode(Path("new.csv"))


def test_numbers_then_flags_then_categories_one_hot() -> None:
    encoder = fitted()
    # n, m with 7 its median, "m was missing", then blue, red, missing
    assert finished(encoder) == [
        [1, 7, 1, 0, 1, 0],
        [2, 5, 0, 1, 0, 0],
        [9, 7, 0, 0, 1, 0],
        [4, 9, 0, 0, 0, 1],
    ]
    assert (encoder.num_scaled, encoder.categories) == (2, ())


def test_categories_as_codes() -> None:
    encoder = fitted(embed=True)
    assert [row[3] for row in finished(encoder)] == [2, 1, 2, 3]
    assert encoder.categories == (4,)  # never seen, blue, red, missing


def test_a_category_of_no_training_row_is_code_0_or_all_zeros() -> None:
    green = torch.tensor([[1.0, 2, 1]])
    assert finished(fitted(embed=True), green)[0][3] == 0
    assert finished(fitted(), green)[0][3:] == [0, 0, 0]


def test_the_most_frequent_categories_have_codes() -> None:
    encoder = fitted(max_categories=1)
    assert encoder.known == {"c": ["red"]}
    assert [row[3:] for row in finished(encoder)] == [[1, 0], [0, 0], [1, 0], [0, 1]]


def test_a_value_never_missing_in_training_is_filled_without_a_flag() -> None:
    row = torch.tensor([[NAN, 0.0, 1.0]])
    assert finished(fitted(), row) == [[3, 1, 0, 0, 1, 0]]  # 3 is the median of 1, 2, 4 and 9


def test_the_state_restores_the_encoder() -> None:
    encoder = fitted(embed=True)
    again = TableEncoder.restored(json.loads(json.dumps(encoder.state())))
    assert again.state() == encoder.state()
    assert again.categories == encoder.categories
    Path("new.csv").write_text("m,c,n,other\n,blue,1,x\n6,violet,2,y\n5,,,z\n")
    encoded = again.encode(Path("new.csv")).inputs
    np.testing.assert_array_equal(encoded, [[1, 7, 1, 1], [2, 6, 0, 0], [3, 5, 0, 3]])


def test_a_column_missing_from_new_rows_is_reported() -> None:
    Path("new.csv").write_text("n,c2,m\n1,red,2\n")
    with pytest.raises(DataError, match=r'there is no column "c", which the run was trained on\. Did you mean "c2"'):
        fitted().encode(Path("new.csv"))


def test_a_file_without_rows_is_reported() -> None:
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([("n", pyarrow.float64()), ("c", pyarrow.string()), ("m", pyarrow.float64())])
    parquet.write_table(schema.empty_table(), "new.parquet")
    with pytest.raises(DataError, match=r"new\.parquet: there is no row\."):
        fitted().encode(Path("new.parquet"))
