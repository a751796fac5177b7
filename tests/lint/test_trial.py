from __future__ import annotations

import math

import pytest

from dlrun.lint.trial import Trial


@pytest.mark.parametrize(
    ("losses", "chance", "expected"),
    [
        ([1.0, 0.5, 0.4, 0.3], [1.0] * 4, 1.0),
        ([1.0, 6.0, 12.0, 12.0], [1.0] * 4, 10.0),  # (6 + 12 + 12) / 3
        ([5.0, 30.0, 60.0, 60.0], [1.0] * 4, 10.0),  # beside the first loss
        ([1.0, 10.0, 10.0, 10.0], [1.0, 10.0, 10.0, 10.0], 1.0),  # batches whose targets are far off
        ([1.0, 50.0], [1.0, 1.0], 1.0),  # too few batches to say
        ([-1.0, -5.0, -9.0, -9.0], [-1.0] * 4, 1.0),  # a loss of the wrong sign
    ],
)
def test_an_explosion_is_measured_over_three_batches(losses: list[float], chance: list[float], expected: float) -> None:
    assert Trial(losses, chance, diverged=False).explosion == pytest.approx(expected)


def test_what_is_not_finite_exploded() -> None:
    assert Trial([1.0], [1.0], diverged=True).explosion == math.inf
