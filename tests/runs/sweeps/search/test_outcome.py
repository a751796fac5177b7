from __future__ import annotations

import math

from dlrun.runs.sweeps.search.outcome import Outcome, outcome_of
from tests.runs.sweeps.search.spaces import row


def test_the_seeds_of_a_trial_are_told_as_their_mean() -> None:
    assert outcome_of([row(0, 0.5), row(1, 1.0)], []) == Outcome("completed", (-0.75,))
    assert outcome_of([row(0, 0.5, parameters=10)], ["parameters", "accuracy"]) == Outcome("completed", (10.0, -0.5))


def test_a_trial_of_which_a_seed_failed_has_failed() -> None:
    for status in ("failed", "diverged", "interrupted"):
        assert outcome_of([row(0, 0.5), row(1, 0.5, status=status)], []) == Outcome("failed")
    assert outcome_of([row(0, math.nan)], []) == Outcome("failed")


def test_a_pruned_trial_has_the_value_that_it_had_reached() -> None:
    assert outcome_of([row(0, 0.5, status="pruned"), row(1, 0.75)], []) == Outcome("pruned", (-0.625,))
    assert outcome_of([row(0, math.nan, status="pruned")], []) == Outcome("failed")
    assert outcome_of([row(0, 0.5, status="pruned")], ["accuracy", "parameters"]) == Outcome("failed")
