"""dlrun.storage.json_values: what JSON does not have becomes null."""

from __future__ import annotations

import math

from dlrun.storage.json_values import nan_to_null


def test_numbers_that_json_does_not_have_become_null_at_any_depth() -> None:
    value = {"a": [1.5, math.nan], "b": (math.inf, 2), "c": {"d": -math.inf}, "e": "nan", "f": True, "g": None}
    assert nan_to_null(value) == {"a": [1.5, None], "b": [None, 2], "c": {"d": None}, "e": "nan", "f": True, "g": None}
