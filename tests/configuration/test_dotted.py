from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.dotted import set_value


def test_a_value_is_set_where_its_key_says() -> None:
    tree: dict[str, Any] = {"seed": 0, "trainer": {"epochs": 1, "early_stop": {"patience": 2}}}
    set_value(tree, "seed", 7)
    set_value(tree, "trainer.early_stop.patience", None)
    assert tree == {"seed": 7, "trainer": {"epochs": 1, "early_stop": {"patience": None}}}


def test_parents_are_not_made_up() -> None:
    with pytest.raises(KeyError):
        set_value({}, "trainer.epochs", 1)
