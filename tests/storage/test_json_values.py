"""dlrun.storage.json_values: what JSON does not have becomes null."""

from __future__ import annotations

import json
import math

from dlrun.storage.json_values import nan_to_null, readable_json


def test_numbers_that_json_does_not_have_become_null_at_any_depth() -> None:
    value = {"a": [1.5, math.nan], "b": (math.inf, 2), "c": {"d": -math.inf}, "e": "nan", "f": True, "g": None}
    assert nan_to_null(value) == {"a": [1.5, None], "b": [None, 2], "c": {"d": None}, "e": "nan", "f": True, "g": None}


def test_readable_json_has_letters_as_they_are_and_no_control_characters() -> None:
    value = {"\u00e4\u732b": "a\u2028b\x85c\x7fd\ud800e\nf", "nan": math.nan}
    text = readable_json(value)
    assert text == '{"\u00e4\u732b": "a\\u2028b\\u0085c\\u007fd\\ud800e\\nf", "nan": null}'
    assert len(text.splitlines()) == 1
    assert json.loads(text) == {**value, "nan": None}
