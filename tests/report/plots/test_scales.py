"""Axes: linear, logarithmic and categorical, their ticks, and values that are extreme."""

from __future__ import annotations

import pytest

from dlrun.report.plots.scales import category_scale, linear_ticks, log_ticks, numeric_scale, short, tame, time_scale


def test_a_linear_axis_leaves_room_at_its_ends() -> None:
    scale = numeric_scale([0.0, 10.0], padding=0.1)
    assert (scale.low, scale.high, scale.is_log) == (-1.0, 11.0, False)
    assert [scale.at(value) for value in (-1.0, 5.0, 11.0)] == [0.0, 0.5, 1.0]


def test_values_spread_over_decades_get_a_logarithmic_axis() -> None:
    scale = numeric_scale([1e-4, 1e-3, 1e-2], padding=0.0)
    assert scale.is_log
    assert scale.at(1e-3) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "values",
    [[0.001, 0.25, 0.5, 0.75, 1.0], [16.0, 32.0, 64.0], [-1.0, 0.01, 1000.0], [0.0], []],
)
def test_other_values_do_not(values: list[float]) -> None:
    assert not numeric_scale(values).is_log


def test_zero_and_a_missing_value_have_places_before_a_logarithmic_axis() -> None:
    scale = numeric_scale([None, 0.0, 1e-4, 1e-3, 1e-2], padding=0.0)
    assert scale.slots == ("not set", "0")
    assert scale.at(None) == pytest.approx(0.06)
    assert scale.at(0.0) == pytest.approx(0.18)
    assert scale.at(1e-4) == pytest.approx(0.24)
    assert scale.at(1e-2) == pytest.approx(1.0)


def test_a_few_values_far_apart_are_the_ticks() -> None:
    assert [label for _, label in numeric_scale([8.0, 64.0], marks_values=True).ticks()] == ["8", "64"]
    assert [label for _, label in numeric_scale([8.0, 8.1, 64.0], marks_values=True).ticks()] == ["20", "40", "60"]


def test_one_value_is_in_the_middle() -> None:
    assert numeric_scale([3.0]).at(3.0) == pytest.approx(0.5)
    assert numeric_scale([0.0]).at(0.0) == pytest.approx(0.5)


def test_categories_lie_evenly_the_missing_one_first() -> None:
    scale = category_scale(["adam", "sgd"], has_missing=True)
    assert [(round(place, 4), label) for place, label in scale.ticks()] == [
        (0.1667, "not set"), (0.5, "adam"), (0.8333, "sgd"),
    ]  # fmt: skip
    assert scale.at(None) == pytest.approx(1 / 6)


def test_values_beyond_an_end_lie_there() -> None:
    scale = numeric_scale([0.0, 1.0])
    assert (scale.at(-5.0), scale.at(99.0)) == (0.0, 1.0)
    assert numeric_scale([1e-3, 1e-2, 1.0]).at(-1.0) == 0.0


def test_extreme_values_do_not_decide_the_axis() -> None:
    assert tame([50.0, 51.0, 52.0, 1e6], around=50.0) == [50.0, 51.0, 52.0]
    assert tame([50.0, 51.0, 52.0, 900.0], around=50.0) == [50.0, 51.0, 52.0, 900.0]
    assert tame([1.0, 1.0, 1.0, 1e9], around=1.0) == [1.0, 1.0, 1.0, 1e9]
    assert tame([], around=0.0) == []


def test_ticks_are_round_numbers() -> None:
    assert linear_ticks(0.0, 1.0, 5) == [
        (0.0, "0.0"), (pytest.approx(0.2), "0.2"), (pytest.approx(0.4), "0.4"),
        (pytest.approx(0.6), "0.6"), (pytest.approx(0.8), "0.8"), (1.0, "1.0"),
    ]  # fmt: skip
    assert [label for _, label in linear_ticks(-1e9, 1e9, 2)] == ["-1e9", "0", "1e9"]
    assert [label for _, label in log_ticks(1e-4, 1.0, 6)] == ["0.0001", "0.001", "0.01", "0.1", "1"]
    assert [label for _, label in log_ticks(1e-8, 1e8, 5)] == ["1e-8", "0.0001", "1", "10000", "1e8"]
    assert [label for _, label in log_ticks(10.0, 60.0, 5)] == ["10", "20", "50"]


def test_an_axis_of_epochs_has_whole_numbers_only() -> None:
    assert [label for _, label in time_scale([1.0, 2.0, 3.0]).ticks(5)] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.001, "0.001"), (1e-5, "1e-5"), (2.5e-7, "2.5e-7"), (250, "250"), (12345, "12345"), (1e6, "1e6")],
)
def test_numbers_of_an_axis_are_short(value: float, text: str) -> None:
    assert short(value) == text
