"""Swept settings: numbers or categories, and what a point does not have."""

from __future__ import annotations

import pytest

from dlrun.runs.sweeps.saved.points import SavedPoint
from dlrun.runs.sweeps.saved.settings import Setting, as_number, settings_of


def points(*settings: dict[str, str]) -> list[SavedPoint]:
    return [SavedPoint(number, each, "completed", {}) for number, each in enumerate(settings)]


def test_numbers_categories_and_seeds() -> None:
    found = settings_of(points({"seed": "0", "lr": "1e-2", "model": "mlp"}, {"seed": "1", "lr": "0.1", "model": "7"}))
    assert [(each.key, each.is_numeric) for each in found] == [("lr", True), ("model", False), ("seed", True)]
    assert found[0].values == {0: 0.01, 1: 0.1}
    assert found[1].values == {0: "mlp", 1: "7"}


def test_a_setting_with_one_value_is_none_and_a_missing_value_is_one() -> None:
    found = settings_of(points({"a": "1", "b": "2"}, {"a": "1"}))
    assert [(each.key, dict(each.values)) for each in found] == [("b", {0: 2.0, 1: None})]


def test_categories_are_in_order_numbers_first() -> None:
    (setting,) = settings_of(points({"a": "b"}, {"a": "10"}, {"a": "9"}, {"a": "auto"}, {}))
    assert setting.categories == ["9", "10", "auto", "b"]


def test_categories_with_numbers_in_them_are_in_the_order_of_these() -> None:
    texts = ["[16]", "[8]", "[8, 16]", "a", "[8.5]"]
    assert Setting("s", dict(enumerate(texts)), is_numeric=False).categories == ["[8]", "[8, 16]", "[8.5]", "[16]", "a"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-3", 0.001), ("-2", -2.0), ("1_000", None), ("nan", None), ("inf", None), ("true", None), ("9" * 50, None)],
)
def test_what_a_number_is(text: str, number: float | None) -> None:
    assert as_number(text) == number
