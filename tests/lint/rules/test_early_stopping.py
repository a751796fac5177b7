from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "early-stopping-never"
RUN = ("dataset=iris", "model=mlp", "trainer.epochs=10")
PATIENCE = "trainer.early_stop.patience"


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        ((f"{PATIENCE}=9",), "9 evaluations without gain after the best, and the run has 10 in all", f"{PATIENCE}=2"),
        ((f"{PATIENCE}=3", "trainer.eval_every=0"), "the run has 1 in all", "trainer.eval_every=1"),
        ((f"{PATIENCE}=3", "trainer.eval_every=5"), "the run has 2 in all", "trainer.eval_every=1"),
        ((f"{PATIENCE}=20", "trainer.eval_every=5"), "the run has 2 in all", f"{PATIENCE}=null"),
    ],
)
def test_stopping_that_cannot_happen_is_found_and_mended(
    only: Only, check: Examine, words: tuple[str, ...], message: str, fix: str
) -> None:
    found = only(ID, *RUN, *words)
    assert (found.severity, found.key, found.fix) == ("warning", PATIENCE, fix)
    assert message in found.message
    assert not check(*RUN, *(word for word in words if word.partition("=")[0] != fix.partition("=")[0]), fix)


@pytest.mark.parametrize(
    "words",
    [
        (f"{PATIENCE}=8",),
        ("trainer.epochs=auto",),
        (f"{PATIENCE}=3", "trainer.eval_every=2"),
        (f"{PATIENCE}=9", "trainer.eval_every_steps=2"),
    ],
)
def test_stopping_that_may_happen_is_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check(*RUN, *words)
