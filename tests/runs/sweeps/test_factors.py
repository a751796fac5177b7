"""Settings as factors: values, or ranges of many numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.runs.sweeps.factors import factors_of
from dlrun.runs.sweeps.groups import Trial


def trials(**settings: Sequence[Any]) -> list[Trial]:
    rows = zip(*settings.values(), strict=True)
    return [Trial(str(n), dict(zip(settings, row, strict=True)), "completed", {}) for n, row in enumerate(rows)]


def test_few_values_are_levels_and_numbers_are_in_order() -> None:
    (lr, model), skipped = factors_of(trials(lr=[0.1, 0.001, 0.1], model=["mlp", "linear", "mlp"], same=[1, 1, 1]))
    assert (lr.key, lr.labels, lr.level, lr.is_ranges) == ("lr", ("0.001", "0.1"), (1, 0, 1), False)
    assert (model.labels, model.level) == (("mlp", "linear"), (0, 1, 0))
    assert skipped == []


def test_many_numbers_become_ranges_with_as_many_points_each() -> None:
    (lr,), _ = factors_of(trials(lr=[float(number) for number in range(24)]))
    assert lr.is_ranges
    assert lr.labels == ("0 to 5", "6 to 11", "12 to 17", "18 to 23")
    assert [lr.level.count(place) for place in range(4)] == [6, 6, 6, 6]
    (few,), _ = factors_of(trials(lr=[float(number) for number in range(8)]))
    assert few.labels == ("0 to 3", "4 to 7")


def test_equal_numbers_stay_in_one_range() -> None:
    (lr,), _ = factors_of(trials(lr=[0] * 14 + list(range(1, 11))))
    assert [lr.level[place] for place in range(14)] == [lr.level[0]] * 14
    assert lr.labels == ("0 to 4", "5 to 10")  # cut at the 7th, 13th and 19th number, of which only the last is not 0
    (lr,), _ = factors_of(trials(lr=[0] * 6 + [1] * 6 + list(range(2, 14))))
    assert lr.labels == ("0", "1", "2 to 7", "8 to 13")


def test_texts_with_a_value_for_nearly_every_point_are_skipped() -> None:
    assert factors_of(trials(path=["a", "b", "c", "d"])) == ([], ["path"])


def test_null_and_switches_are_values_and_not_numbers() -> None:
    (ema, flag), _ = factors_of(trials(ema=[None, 0.9, None, 0.9], flag=[True, False, True, False]))
    assert (ema.labels, ema.level) == (("null", "0.9"), (0, 1, 0, 1))
    assert flag.labels == ("true", "false")
