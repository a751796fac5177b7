"""dlrun.configuration.yaml_text: what is written is read back the same."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.configuration.safe_yaml import parse_yaml
from dlrun.configuration.yaml_text import to_yaml

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Co")), max_size=12)
scalars = (
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | texts
)


@settings(max_examples=200, deadline=None)
@given(st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=6))
def test_every_value_is_read_back(value: Any) -> None:
    assert parse_yaml(to_yaml({"recipe": {"format": 1}, "key": value}).encode(), name="x") == {
        "recipe": {"format": 1},
        "key": value,
    }


def test_texts_that_look_like_numbers_stay_texts() -> None:
    for text in ("1e3", "no", "0x10", "007", "1_000", "~", "true", "2026-11-21", "12:30"):
        assert parse_yaml(to_yaml({"recipe": None, "key": text}).encode(), name="x")["key"] == text


def test_the_recipe_block_comes_first() -> None:
    assert to_yaml({"seed": 0, "recipe": {"format": 1}}) == "recipe: {format: 1}\nseed: 0\n"
