"""Which features are those of a column, and what its cell was."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.tables.columns import Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.feature_places import cells_of, places_of

COLUMNS = [Column("colour", "category"), Column("size", "number"), Column("day", "date"), Column("paid", "boolean")]
RAW = torch.tensor(
    [
        [0.0, 1.5, 2026.0, 1.0, 31.0, 5.0, 0.0, 1.0],
        [1.0, torch.nan, 2026.0, 2.0, 1.0, 6.0, 12.5, 0.0],
        [torch.nan, 3.0, 2025.0, 2.0, 1.0, 6.0, 0.0, 1.0],
    ]
)
CELLS = [
    ["blue", "1.5", "2026-01-31", "yes"],
    ["red", "(missing)", "2026-02-01 12:30", "no"],
    ["(missing)", "3", "2025-02-01", "yes"],
]


@pytest.mark.parametrize("embed", [False, True])
def test_every_feature_has_a_column_and_cells_are_as_they_were(embed: bool) -> None:
    encoder = TableEncoder(COLUMNS, embed=embed, max_categories=9, words={"colour": ["blue", "red"]})
    encoder.fit(RAW)
    places = places_of(encoder)
    assert [place.column.name for place in places] == ["colour", "size", "day", "paid"]
    # size, five parts of a date, paid; a flag for size; blue, red and missing, or a code
    expected = [[8] if embed else [8, 9, 10], [0, 7], [1, 2, 3, 4, 5], [6]]
    assert [place.features for place in places] == expected
    features = encoder.transform(RAW.clone())
    assert sorted(number for place in places for number in place.features) == list(range(features.shape[1]))
    restored = TableEncoder.restored(encoder.state())
    assert places_of(restored) == places
    assert [cells_of(restored, places, row) for row in features] == CELLS


def test_a_category_that_training_rows_lack() -> None:
    encoder = TableEncoder(COLUMNS[:1], embed=False, max_categories=9, words={"colour": ["blue", "red"]})
    encoder.fit(RAW[:2, :1].clone())
    assert cells_of(encoder, places_of(encoder), torch.zeros(2)) == ["(not in training)"]
