from __future__ import annotations

import pytest

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only

ID = "learning-rate-too-low"


@pytest.mark.parametrize(
    ("words", "key", "fix"),
    [
        (("optimizer=adam", "optimizer.lr=1e-8"), "optimizer.lr", "optimizer.lr=auto"),
        (("optimizer=sgd", "optimizer.lr=1e-7"), "optimizer.lr", "optimizer.lr=0.01"),
        (("optimizer=rmsprop", "optimizer.lr=1e-9"), "optimizer.lr", "optimizer.lr=0.001"),
    ],
)
def test_a_run_that_hardly_moves_its_weights_is_found_with_the_cure(
    only: Only, check: Examine, words: tuple[str, ...], key: str, fix: str
) -> None:
    found = only(ID, "dataset=iris", "model=mlp", *words)
    assert (found.severity, found.key, found.fix) == ("warning", key, fix)
    assert "of their size" in found.message
    assert not check("dataset=iris", "model=mlp", *words, fix)


def test_a_gradient_that_is_clipped_to_nothing_is_found_with_its_norm(only: Only, check: Examine) -> None:
    words = ("dataset=iris", "model=mlp", "optimizer=sgd")
    found = only(ID, *words, "trainer.clip_norm=1e-5")
    assert found.key == "trainer.clip_norm"
    assert "clipped to 1e-05" in found.message
    assert found.fix is not None
    assert 0.1 < float(found.fix.removeprefix("trainer.clip_norm=")) < 10
    assert not check(*words, found.fix)


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=adam", "trainer.clip_norm=1e-5"),  # whose steps do not depend on the gradient's size
        ("optimizer=sgd", "trainer.clip_norm=1"),
        ("optimizer=adam", "optimizer.lr=1e-5"),
        ("optimizer=adam", "optimizer.lr=1e-8", "trainer.max_steps=20"),  # too short a run to be meant
    ],
)
def test_runs_that_move_their_weights_are_fine(check: Examine, words: tuple[str, ...]) -> None:
    assert ID not in [each.id for each in check("dataset=iris", "model=mlp", *words)]
