from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "nothing-saved"
RUN = ("dataset=iris", "model=mlp", "dataset.val_fraction=0")
LONG = "trainer.epochs=10000000"  # 80 million steps


def test_a_long_run_that_saves_only_at_its_end_is_found_and_mended(only: Only, check: Examine) -> None:
    found = only(ID, *RUN, LONG, "checkpoint.every_epochs=0")
    assert (found.severity, found.key) == ("warning", "checkpoint.every_epochs")
    assert found.fix == "checkpoint.every_steps=4000000"
    assert "80,000,000 steps" in found.message
    assert not check(*RUN, LONG, "checkpoint.every_epochs=0", found.fix)


def test_the_key_is_the_one_that_was_set(only: Only) -> None:
    words = ("checkpoint.every_epochs=0", "checkpoint.every_steps=80000000")
    assert only(ID, *RUN, LONG, *words).key == "checkpoint.every_steps"


@pytest.mark.parametrize(
    "words",
    [
        ("checkpoint.every_epochs=0", "trainer.epochs=100"),  # a short run can be repeated
        (LONG,),
        (LONG, "checkpoint.every_epochs=0", "checkpoint.every_steps=1000"),
        (LONG, "checkpoint.every_epochs=0", "dataset.val_fraction=0.1"),  # each new best is saved
    ],
)
def test_runs_that_save_or_are_short_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check(*RUN, *words)
