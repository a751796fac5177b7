"""Every schedule's values by hand, warm-up, and the state of plateau."""

from __future__ import annotations

import math

import pytest

from dlrun.optim.schedule import Horizon, Schedule, WarmUp
from dlrun.options.schedulers.cosine import cosine
from dlrun.options.schedulers.exponential import exponential
from dlrun.options.schedulers.linear import linear
from dlrun.options.schedulers.none import none
from dlrun.options.schedulers.one_cycle import one_cycle
from dlrun.options.schedulers.plateau import plateau
from dlrun.options.schedulers.step import step

HORIZON = Horizon(total_steps=100, steps_per_epoch=10)


def small_plateau(**fields: float) -> Schedule:
    settings = {"patience": 2, "gamma": 0.5, "min_delta": 0.0, "min_factor": 0.2, **fields}
    return plateau(HORIZON, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (none(HORIZON), {0: 1, 50: 1, 1000: 1}),
        (linear(HORIZON, min_factor=0.2), {0: 1, 25: 0.8, 50: 0.6, 100: 0.2, 150: 0.2}),
        (cosine(HORIZON, min_factor=0.0), {0: 1, 25: (1 + math.sqrt(0.5)) / 2, 50: 0.5, 100: 0, 150: 0}),
        (cosine(HORIZON, min_factor=0.1), {0: 1, 50: 0.55, 100: 0.1}),
        (exponential(HORIZON, gamma=0.9), {0: 1, 9: 1, 10: 0.9, 25: 0.81}),
        (step(HORIZON, every_epochs=3, gamma=0.1), {0: 1, 29: 1, 30: 0.1, 60: 0.01}),
        (
            one_cycle(HORIZON, rise=0.4, start_divisor=10, end_divisor=100),
            {0: 0.1, 20: 0.55, 40: 1, 70: 0.505, 100: 0.01, 150: 0.01},
        ),
        (one_cycle(HORIZON, rise=0.0, start_divisor=10, end_divisor=100), {0: 1, 50: 0.505, 100: 0.01}),
        (
            WarmUp(linear(HORIZON, min_factor=0.0), 4),
            {0: 0.2, 1: 0.4, 3: 0.8, 4: 1, 54: 0.5, 104: 0},
        ),
    ],
)
def test_values(schedule: Schedule, values: dict[int, float]) -> None:
    assert {at: schedule.factor(at) for at in values} == pytest.approx(values, abs=1e-12)


def test_a_constant_schedule_is_constant() -> None:
    assert none(HORIZON).is_constant
    assert not linear(HORIZON, min_factor=0.0).is_constant


def test_a_run_without_steps_has_a_factor() -> None:
    empty = Horizon(total_steps=0, steps_per_epoch=1)
    for schedule in (linear(empty, min_factor=0.5), cosine(empty, min_factor=0.5)):
        assert schedule.factor(0) == 1


def test_plateau_falls_after_patience_without_a_gain_and_stops_at_its_floor() -> None:
    schedule = small_plateau()
    seen = []
    for value in (1.0, 0.8, 0.8, 0.9, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7):
        schedule.observe(value, higher_is_better=False)
        seen.append(schedule.factor(0))
    assert seen == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2, 0.2]


def test_plateau_ignores_gains_within_min_delta_and_follows_the_direction() -> None:
    schedule = small_plateau(min_delta=0.1)
    for value in (0.5, 0.55, 0.59):
        schedule.observe(value, higher_is_better=True)
    assert schedule.factor(0) == 0.5


@pytest.mark.parametrize("warm_up", [False, True])
def test_plateau_continues_from_its_state(warm_up: bool) -> None:
    def build() -> Schedule:
        return WarmUp(small_plateau(), 3) if warm_up else small_plateau()

    uninterrupted, first, second = build(), build(), build()
    values = [1.0, 0.9, 0.9, 0.95, 0.9, 0.8, 0.9, 0.9]
    for value in values:
        uninterrupted.observe(value, higher_is_better=False)
    for value in values[:3]:
        first.observe(value, higher_is_better=False)
    assert first.state() == {"factor": 1.0, "best": 0.9, "waited": 1}
    second.restore(first.state())
    for value in values[3:]:
        second.observe(value, higher_is_better=False)
    assert second.state() == uninterrupted.state()
    assert second.factor(10) == uninterrupted.factor(10) == 0.25


def test_formulas_have_no_state() -> None:
    assert linear(HORIZON, min_factor=0.0).state() == {}
