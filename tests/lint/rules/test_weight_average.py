from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "average-longer-than-run"
RUN = ("dataset=iris", "model=mlp", "trainer.epochs=30")  # 210 steps


def test_an_average_longer_than_the_run_is_found_and_mended(only: Only, check: Examine) -> None:
    found = only(ID, *RUN, "trainer.ema=0.999")
    assert (found.severity, found.key, found.fix) == ("warning", "trainer.ema", "trainer.ema=0.952")
    assert "about 1,000 steps, and the run has 210" in found.message
    assert not check(*RUN, "trainer.ema=0.952")


def test_a_run_of_a_few_steps_needs_no_average(only: Only) -> None:
    assert only(ID, *RUN, "trainer.max_steps=19", "trainer.ema=0.99").fix == "trainer.ema=null"


@pytest.mark.parametrize("decay", ["null", "0.99"])
def test_shorter_averages_are_fine(check: Examine, decay: str) -> None:
    assert not check(*RUN, f"trainer.ema={decay}")
