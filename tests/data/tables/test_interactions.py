"""dlrun.data.tables.interactions: every item for each user, and users that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dlrun.data.tables.columns import Column
from dlrun.data.tables.interactions import InteractionsEncoder
from dlrun.errors import DataError


@pytest.fixture
def encoder() -> InteractionsEncoder:
    columns = [Column("user", "category"), Column("item", "category")]
    words = {"user": ["ann", "bob"], "item": ["x", "y", "z"]}
    encoder = InteractionsEncoder(columns, embed=True, max_categories=100, words=words)
    encoder.fit(torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.0, 1.0]]))
    return encoder


def test_every_item_is_a_candidate_for_each_user(encoder: InteractionsEncoder) -> None:
    Path("users.csv").write_text("user\nbob\nann\n")
    bob, ann = encoder.candidates(Path("users.csv"))
    assert bob.inputs.tolist() == [[2, 1], [2, 2], [2, 3]]
    assert bob.columns == {"user": ["bob"] * 3, "item": ["x", "y", "z"]}
    assert ann.inputs[:, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("usr\nann\n", 'users.csv: there is no column "user" of users. Did you mean "usr"?'),
        ("user\nann\ncarl\n", 'users.csv: line 3: no training row has the user "carl".'),
    ],
)
def test_a_missing_user_is_reported(encoder: InteractionsEncoder, content: str, message: str) -> None:
    Path("users.csv").write_text(content)
    with pytest.raises(DataError) as caught:
        list(encoder.candidates(Path("users.csv")))
    assert str(caught.value) == message
