from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "nothing-saved"
RUN = ("dataset=iris", "model=mlp", "trainer.epochs=100")  # 700 steps
LONG = ("dataset=iris", "model=mlp", "dataset.val_fraction=0", "trainer.epochs=10000000")  # 80 million steps


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (
            ("checkpoint.every_epochs=0", "checkpoint.every_steps=1000"),
            "A checkpoint is due every 1,000 steps, and the run has 700.",
            "checkpoint.every_steps=35",
        ),
        (("checkpoint.every_epochs=200",), "due every 1,400 steps, and the run has 700.", "checkpoint.every_epochs=5"),
    ],
)
def test_checkpoints_that_are_never_due_are_found_and_mended(
    only: Only, check: Examine, words: tuple[str, ...], message: str, fix: str
) -> None:
    found = only(ID, *RUN, *words)
    assert (found.severity, found.key, found.fix) == ("warning", fix.partition("=")[0], fix)
    assert message in found.message
    assert not check(*RUN, *(word for word in words if word.partition("=")[0] != found.key), fix)


def test_a_long_run_that_saves_only_at_its_end_is_found_and_mended(only: Only, check: Examine) -> None:
    found = only(ID, *LONG, "checkpoint.every_epochs=0")
    assert (found.severity, found.key, found.fix) == (
        "warning",
        "checkpoint.every_epochs",
        "checkpoint.every_steps=4000000",
    )
    assert "80,000,000 steps" in found.message
    assert ID not in [each.id for each in check(*LONG, "checkpoint.every_epochs=0", found.fix)]


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "checkpoint.every_epochs=0"),  # a short run can be repeated
        (*RUN, "checkpoint.every_epochs=200", "checkpoint.every_steps=50"),
        (*RUN, "checkpoint.every_epochs=100"),
        (*RUN, "checkpoint.every_epochs=200", "trainer.max_steps=5"),
        LONG,
        (*LONG, "checkpoint.every_epochs=0", "checkpoint.every_steps=1000"),
        (*LONG, "checkpoint.every_epochs=0", "dataset.val_fraction=0.1"),  # each new best is saved
    ],
)
def test_runs_that_save_or_are_short_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert ID not in [each.id for each in check(*words)]
