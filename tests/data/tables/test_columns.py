"""dlrun.data.tables.columns: kinds inferred from values, and texts as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.data.tables.columns import Column, kind_of, raw_values


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3e4", None], "number"),
        (["1"] * 9 + ["many"], "number"),  # a number with a mistake in ten
        (["1"] * 8 + ["many", "few"], "category"),
        (["01", "02", "10"], "category"),  # a code: its zeros mean something
        (["0.5", "0"], "number"),
        (["yes", "No", "y"], "boolean"),
        (["true", "f", None], "boolean"),
        (["0", "1"], "number"),
        (["2026-01-31", "2026-01-31 12:30", "2026-02-01T00:00:00Z"], "date"),
        (["red", "green", "red"], "category"),
        ([f"a sentence of its own, number {i}" for i in range(50)], "text"),
        ([None, None], "missing"),
        ([], "missing"),
    ],
)
def test_the_kind_is_inferred_from_values(values: list[str | None], kind: str) -> None:
    assert kind_of(values, max_categories=100) == kind


def test_more_categories_than_the_maximum_are_free_text() -> None:
    values = [f"w{i % 8}" for i in range(100)]
    assert kind_of(values, max_categories=8) == "category"
    assert kind_of(values, max_categories=7) == "text"


def test_texts_become_the_raw_numbers_of_their_kind() -> None:
    np.testing.assert_array_equal(raw_values("number", [" 1.5", "-2e1", "x"]), np.array([[1.5], [-20], [np.nan]]))
    np.testing.assert_array_equal(raw_values("boolean", ["Yes", "f", "1", "0", "?"]).T, [[1, 0, 1, 0, np.nan]])
    dates = raw_values("date", ["2026-01-31 12:30", "2024-02-29T06:00:00Z", "31.1.2026"])
    assert dates[0].tolist() == [2026, 1, 31, 5, 12.5]  # a Saturday
    assert dates[1].tolist() == [2024, 2, 29, 3, 6]
    assert np.isnan(dates[2]).all()
    assert raw_values("number", []).shape == (0, 1)


def test_a_date_takes_five_numbers() -> None:
    assert [Column("x", kind).width for kind in ("number", "boolean", "category", "date")] == [1, 1, 1, 5]
