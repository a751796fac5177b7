from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "schedule-length"
RUN = ("dataset=iris", "model=mlp", "trainer.epochs=30")  # 7 steps an epoch


@pytest.mark.parametrize(
    ("words", "message", "fix"),
    [
        (("scheduler=exponential", "scheduler.gamma=0.1"), "For 87% of the run's 30 epochs", "scheduler.gamma=0.858"),
        (("scheduler=step", "scheduler.every_epochs=1"), "For 87% of the run's 30 epochs", "scheduler.every_epochs=10"),
        (("scheduler=step", "scheduler.every_epochs=30"), "leaves the rate as it is", "scheduler.every_epochs=10"),
        (("scheduler=exponential", "scheduler.gamma=1"), "leaves the rate as it is", "scheduler.gamma=0.858"),
        (("scheduler=linear", "scheduler.min_factor=1"), "leaves the rate as it is", "scheduler=cosine"),
        (
            ("scheduler=plateau", "scheduler.patience=29"),
            "after 29 evaluations without gain at the earliest, and the run has 30",
            "scheduler.patience=7",
        ),
        (
            ("scheduler=cosine", "scheduler.warmup_steps=210"),
            "The warm-up takes 210 steps and the whole run 210",
            "scheduler.warmup_steps=21",
        ),
    ],
)
def test_schedules_that_do_not_fit_the_run_are_found_and_mended(
    only: Only, check: Examine, words: tuple[str, ...], message: str, fix: str
) -> None:
    found = only(ID, *RUN, *words)
    assert found.severity == "warning"
    assert found.fix == fix
    assert message in found.message
    kept = words[:1] if fix.startswith("scheduler=") else words
    assert not check(*RUN, *(word for word in kept if word.partition("=")[0] != fix.partition("=")[0]), fix)


def test_a_plateau_needs_validation_rows(only: Only, check: Examine) -> None:
    found = only(ID, *RUN, "scheduler=plateau", "dataset.val_fraction=0")
    assert found.fix == "dataset.val_fraction=0.1"
    assert not check(*RUN, "scheduler=plateau", "dataset.val_fraction=0.1")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("scheduler=exponential",),
        ("scheduler=step",),
        ("scheduler=cosine", "scheduler.warmup_steps=50"),
        ("scheduler=linear",),
        ("scheduler=one_cycle",),
        ("scheduler=plateau",),
        ("scheduler=plateau", "scheduler.patience=28"),  # at the last evaluation but one
    ],
)
def test_schedules_that_fit_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert not check(*RUN, *words)
