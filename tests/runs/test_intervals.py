"""Intervals of a new run's metrics: Student's t, their limits, and what the intervals mean."""

from __future__ import annotations

import math
import random

import pytest

from dlrun.runs.intervals import LEVEL, meaning, predicted, promised, student_t, tolerated


@pytest.mark.parametrize(
    ("probability", "freedom", "quantile"),
    [
        (0.995, 1, 63.657), (0.995, 2, 9.925), (0.995, 4, 4.604), (0.995, 9, 3.250), (0.975, 1, 12.706),
        (0.975, 4, 2.776), (0.975, 10, 2.228), (0.95, 29, 1.699), (0.995, 120, 2.617),
    ],
)  # fmt: skip
def test_quantiles_are_those_of_printed_tables(probability: float, freedom: int, quantile: float) -> None:
    assert student_t(probability, freedom) == pytest.approx(quantile, abs=6e-4)


def test_the_interval_of_five_seeds_is_that_worked_out_by_hand() -> None:
    """Mean 3, deviation sqrt(2.5), 4 degrees of freedom: 3 ± 4.6041 · 1.5811 · sqrt(1.2) = 3 ± 7.974."""
    assert predicted("other", [1, 2, 3, 4, 5], rows=1) == [-5.0, 11.0]
    assert predicted("loss", [1, 2, 3, 4, 5], rows=1) == [0.0, 11.0]  # no loss of this kind is below 0


def test_a_new_value_is_inside_as_often_as_stated() -> None:
    source, inside = random.Random(0), 0
    for _ in range(2000):
        values = [source.gauss(10, 1) for _ in range(6)]
        low, high = predicted("other", values[:5], rows=1)
        inside += low <= values[5] <= high
    assert inside / 2000 >= LEVEL - 0.01


def test_an_interval_is_at_least_one_row_or_a_hundredth_wide() -> None:
    assert predicted("accuracy", [0.5, 0.5, 0.5], rows=20) == [0.45, 0.55]
    assert predicted("accuracy", [1.0, 1.0, 1.0], rows=20) == [0.95, 1.0]
    assert predicted("rmse", [2.0, 2.0, 2.0], rows=20) == [1.98, 2.02]
    assert predicted("rmse", [0.0, 0.0, 0.0], rows=20) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "value", "rows", "expected"),
    [
        ("accuracy", 0.5, 96, [0.4, 0.6]),  # share 50/100, twice sqrt(0.25/100)
        ("accuracy_colour", 0.5, 96, [0.4, 0.6]),
        ("auroc", 1.0, 96, [0.972, 1.0]),  # share 98/100: 0.028, and not 0
        ("macro_f1", 0.5, 10**6, [0.49, 0.51]),  # never less than 0.01
        ("loss", 1.0, 10, [0.7, 1.3]),
        ("rmse_price", 100.0, 10, [70.0, 130.0]),
        ("r2", 0.5, 10, [0.2, 0.8]),
        ("r2", -1.0, 10, [-2.2, 0.2]),
        ("classes", 10, 10, [9.0, 11.0]),
        ("frechet_distance", 10.0, 10, [5.0, 15.0]),
        ("iou", 0.5, 10, [0.4, 0.6]),  # of a plugin
    ],
)
def test_one_run_has_the_stated_tolerance(name: str, value: float, rows: int, expected: list[float]) -> None:
    assert tolerated(name, value, rows) == pytest.approx(expected)


def test_numbers_are_rounded_outwards_to_two_digits_of_the_width() -> None:
    low, high = tolerated("loss", 0.123456789, 10)
    assert (low, high) == (0.086, 0.161)  # 0.0864 to 0.1605


def test_metrics_that_say_nothing_are_not_promised() -> None:
    measured = {
        "test/accuracy": [0.5],
        "test/generator_loss": [1.0],
        "test/discriminator_loss": [1.0],
        "test/real_confidence": [0.9],
        "test/perplexity": [math.inf],
    }
    expect, left_out = promised(measured, {"test": 96})
    assert expect == {"test/accuracy": pytest.approx([0.4, 0.6])}
    assert left_out == list(measured)[1:]


def test_the_meaning_says_how_the_interval_was_made() -> None:
    assert "with a probability of 99%" in meaning(5)
    assert "of 5 seeds" in meaning(5)
    assert meaning(1).startswith("of one run, so not seen to vary")
