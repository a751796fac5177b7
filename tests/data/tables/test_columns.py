"""dlrun.data.tables.columns: kinds inferred from values, and texts as numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dlrun.data.tables.columns import (
    Column,
    first_guess,
    kind_of,
    mostly,
    nearly_distinct,
    raw_values,
    setting,
    settings,
)


def counts(*values: str) -> Counter[str]:
    return Counter(values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3e4"], "number"),
        (["1"] * 9 + ["many"], "number"),  # a number with a mistake in ten
        (["1"] * 8 + ["many", "few"], "category"),
        (["1"] * 4 + ["unknown", "-", ".", "Missing", "n.a."], "number"),  # words for a missing number do not count
        (["unknown", "-"], "category"),
        (["01", "02", "10"], "category"),  # a code: its zeros mean something
        (["0.5", "0"], "number"),
        (["yes", "No", "y"], "boolean"),
        (["true", "f"], "boolean"),
        (["0", "1"], "number"),
        (["2026-01-31", "2026-01-31 12:30", "2026-02-01T00:00:00Z"], "date"),
        (["red", "green", "red"], "category"),
        ([f"a sentence of its own, number {i}" for i in range(50)], "text"),
        ([], "missing"),
    ],
)
def test_the_kind_is_inferred_from_values(values: list[str], kind: str) -> None:
    assert kind_of(counts(*values), max_categories=100) == kind


def test_more_categories_than_the_maximum_are_free_text() -> None:
    values = counts(*(f"w{i % 8}" for i in range(100)))
    assert kind_of(values, max_categories=8) == "category"
    assert kind_of(values, max_categories=7) == "text"


def test_what_the_first_rows_leave_open_is_read_so_that_all_rows_can_decide() -> None:
    assert first_guess(counts(), max_categories=100) == "category"
    few_of_many = counts(*(f"w{i}" for i in range(30)))
    assert (kind_of(few_of_many, max_categories=100), first_guess(few_of_many, max_categories=100)) == (
        "text",
        "category",
    )
    assert first_guess(few_of_many, max_categories=29) == "text"
    half = counts(*map(str, range(200)), *(f"w{i}" for i in range(150)))
    assert (kind_of(half, max_categories=100), first_guess(half, max_categories=100)) == ("text", "number")


def test_nine_in_ten_make_a_kind() -> None:
    assert mostly({"other": 10}, (), present=100)
    assert not mostly({"other": 11}, (), present=100)
    assert mostly({"other": 5, "unknown": 50}, (), present=100)
    assert not mostly({"other": 6, "unknown": 50}, (), present=100)
    assert not mostly({"unknown": 5}, (), present=5)


def test_nearly_distinct_is_more_than_twenty_and_more_than_one_in_two() -> None:
    assert not nearly_distinct(counts(*map(str, range(20))))
    assert nearly_distinct(counts(*map(str, range(21))))
    assert not nearly_distinct(counts(*map(str, range(30)), *map(str, range(30))))


def test_an_override_escapes_what_hydra_reads() -> None:
    assert setting("age", "number") == "dataset.columns={age: number}"
    assert setting("a:b, (c)", "ignore") == r"dataset.columns={a\:b\, \(c\): ignore}"
    assert settings({"age": "number", "b": "ignore"}) == "dataset.columns={age: number, b: ignore}"


def test_texts_become_the_raw_numbers_of_their_kind() -> None:
    np.testing.assert_array_equal(raw_values("number", [" 1.5", "-2e1", "x"]), np.array([[1.5], [-20], [np.nan]]))
    np.testing.assert_array_equal(raw_values("boolean", ["Yes", "f", "1", "0", "?"]).T, [[1, 0, 1, 0, np.nan]])
    dates = raw_values("date", ["2026-01-31 12:30", "2024-02-29T06:00:00Z", "31.1.2026"])
    assert dates[0].tolist() == [2026, 1, 31, 5, 12.5]  # a Saturday
    assert dates[1].tolist() == [2024, 2, 29, 3, 6]
    assert np.isnan(dates[2]).all()
    assert raw_values("number", []).shape == (0, 1)
    assert raw_values("number", ["1e300"]).tolist() == [[np.inf]]


def test_a_date_takes_five_numbers() -> None:
    assert [Column("x", kind).width for kind in ("number", "boolean", "category", "date")] == [1, 1, 1, 5]
