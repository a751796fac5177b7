"""Losses of the first steps: how exactly they are compared, and which is the first outside."""

from __future__ import annotations

import math

import pytest

from dlrun.runs.loss_differences import first_difference, tolerance


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        (None, 1e-3),
        ({}, 0.0),
        ({"torch": ["2.13.0", "2.12.0"]}, 1e-3),
        ({"device": ["cuda:0", "cuda:1"]}, 1e-3),
        ({"device": ["cpu", "cuda:0"]}, 0.1),
        ({"precision": ["fp32", "bf16"]}, 0.1),
    ],
)
def test_the_tolerance_depends_on_what_differs(differs: dict[str, list[str]] | None, expected: float) -> None:
    assert tolerance(differs) == expected


def test_the_first_loss_outside_the_tolerance_is_named() -> None:
    promised = {"loss": [1.0, 2.0, 4.0]}
    assert first_difference(promised, {"loss": [1.0, 2.0, 4.0]}, relative=0.0) is None
    assert first_difference(promised, {"loss": [1.0, 2.001, 3.999]}, relative=1e-3) is None
    found = first_difference(promised, {"loss": [1.0, 2.0000000000000004, 5.0]}, relative=0.0)
    assert found == "loss at step 2 is 2.0000000000000004 instead of 2.0"
    assert first_difference(promised, {"loss": [1.0]}, relative=0.0) == "loss has no value at step 2; it was 2.0"
    assert first_difference(promised, {}, relative=0.0) == "loss has no value at step 1; it was 1.0"
    assert first_difference(promised, {"loss": [math.nan]}, relative=1.0) == "loss at step 1 is nan instead of 1.0"
