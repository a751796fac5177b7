from __future__ import annotations

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "accumulation-beyond-epoch"
RUN = ("dataset=iris", "model=mlp", "trainer.batch_size=16")  # 108 rows, 7 batches


def test_accumulation_over_more_batches_than_an_epoch_has_is_found_and_mended(only: Only, check: Examine) -> None:
    found = only(ID, *RUN, "trainer.accumulate=8")
    assert (found.severity, found.key, found.fix) == ("warning", "trainer.accumulate", "trainer.accumulate=1")
    assert "adds up 8 batches, and an epoch has 7" in found.message
    assert not check(*RUN, "trainer.accumulate=1")


def test_accumulation_within_an_epoch_is_fine(check: Examine) -> None:
    assert not check(*RUN, "trainer.accumulate=7")
