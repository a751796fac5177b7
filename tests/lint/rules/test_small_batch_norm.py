from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "small-batch-norm"


def test_a_few_rows_a_batch_are_found_and_more_rows_mend_it(only: Only, check: Examine) -> None:
    found = only(ID, "dataset=digits", "trainer.batch_size=4")
    assert (found.severity, found.key, found.fix) == ("warning", "trainer.batch_size", "trainer.batch_size=32")
    assert "from 4 rows" in found.message
    assert not check("dataset=digits", "trainer.batch_size=32")


def test_where_there_are_no_more_rows_another_normalisation_mends_it(only: Only, check: Examine) -> None:
    words = ("dataset=iris", "dataset.limit=12", "model=mlp", "model.norm=batch", "trainer.batch_size=4")
    found = only(ID, *words)
    assert found.fix == "model.norm=layer"
    assert ID not in [each.id for each in check(*words, "model.norm=layer")]


@pytest.mark.parametrize("words", [("model.norm=layer", "trainer.batch_size=4"), ("trainer.batch_size=8",)])
def test_other_normalisation_and_eight_rows_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check("dataset=digits", *words)
