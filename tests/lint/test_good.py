"""No false alarm: nothing is found in a hundred good configurations, nor in any shipped recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources.folders import recipe_names
from tests.lint.conftest import Examine
from tests.lint.good import KINDS, good
from tests.small_data import data_for


def test_there_are_a_hundred_and_all_differ() -> None:
    assert len(set(good())) == len(good()) >= 100
    assert [words for words in good() if len(words) == len(KINDS["iris"].split())]  # also plain defaults


@pytest.mark.parametrize("words", good(), ids=" ".join)
def test_a_good_configuration_raises_no_alarm(check: Examine, words: tuple[str, ...]) -> None:
    assert check(*words) == []


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_raises_no_alarm(check: Examine, name: str, tmp_path: Path) -> None:
    assert check(f"recipe={name}", *data_for(name, tmp_path)) == []
