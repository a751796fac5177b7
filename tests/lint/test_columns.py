"""dlrun.lint.columns: the columns of dense rows, and which features each became."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dlrun.lint.columns import FeatureColumn, columns_of, ignoring, shown
from tests.lint.test_subject import subject

ROWS = """size,city,when,seen,note,y
1,Rome,2024-01-02,yes,a b c,1
,Oslo,2024-01-03,no,d e f,2
3,,2024-02-02,,g h i,3
4,Rome,2024-03-02,yes,j k l,4
5,Oslo,2025-01-02,no,m n o,5
6,Rome,2025-01-02,no,p q r,6.5
"""
WORDS = ("dataset=table", "dataset.path=t.csv", "dataset.target=y", "dataset.val_fraction=0", "dataset.test_fraction=0")


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(ROWS)


def test_features_are_numbers_then_flags_then_categories_then_texts() -> None:
    data = subject(*WORDS, "dataset.columns={note: text}", "dataset.max_length=4", "dataset.standardise=false").data
    size, city, when, seen, note = columns_of(data)
    assert size == FeatureColumn("size", "number", numbers=(0,), flag=(7,))
    assert when == FeatureColumn("when", "date", numbers=(1, 2, 3, 4, 5))
    assert seen == FeatureColumn("seen", "boolean", numbers=(6,), flag=(8,))
    assert city == FeatureColumn("city", "category", codes=(9, 10, 11))  # Oslo, Rome, missing
    assert note.block == tuple(range(12, data.spec.num_features))
    assert sorted(place for column in columns_of(data) for place in column.features) == list(range(15))
    rows = data.train.fetch(slice(0, 6)).inputs
    assert size.values(rows).tolist() == [[1, 0], [4, 1], [3, 0], [4, 0], [5, 0], [6, 0]]  # 4 is the median
    assert city.values(rows).flatten().tolist() == [2, 1, 3, 2, 1, 2]
    assert note.values(rows).shape == (6, 0)


def test_a_code_is_one_feature() -> None:
    data = subject(*WORDS, "dataset.categories=embed", "model=mlp").data
    city = columns_of(data)[1]
    assert city == FeatureColumn("city", "category", codes=(9,))
    assert city.values(data.train.fetch(slice(0, 3)).inputs).flatten().tolist() == [2, 1, 3]


def test_an_unknown_category_has_the_code_0() -> None:
    assert FeatureColumn("c", codes=(0, 1)).values(torch.tensor([[0.0, 0], [1, 0], [0, 1]])).tolist() == [[0], [1], [2]]


def test_features_without_names_are_columns_of_their_own() -> None:
    every = columns_of(subject("dataset=iris").data)
    assert every == [FeatureColumn(None, numbers=(place,)) for place in range(4)]
    assert shown([every[1], every[3]], every) == "feature 1, feature 3"
    assert shown([FeatureColumn("a\x1b[0m")], []) == '"a\\x1b[0m"'


def test_columns_are_left_out_besides_those_that_are_set() -> None:
    looked = subject(*WORDS, "dataset.columns={size: number, note: ignore}")
    assert ignoring(looked, [FeatureColumn("city")]) == "dataset.columns={size: number, note: ignore, city: ignore}"
    assert ignoring(looked, [FeatureColumn("size")]) == "dataset.columns={size: ignore, note: ignore}"
    assert ignoring(looked, [FeatureColumn(None)]) is None
    assert ignoring(subject("dataset=iris"), [FeatureColumn("a")]) is None
