"""Class weights: none, balanced by hand, given, and invalid."""

from __future__ import annotations

import pytest

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.losses._class_weights import class_weight_values

SPEC = DataSpec("dense", (2,), "multiclass", 3, class_counts=(6, 3, 1))


def test_none_balanced_and_given() -> None:
    assert class_weight_values(SPEC, "none") is None
    assert class_weight_values(SPEC, "balanced") == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert class_weight_values(SPEC, [1, 2, 0]) == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("wanted", [[1.0, 2.0], [], [1.0, 2.0, -1.0]])
def test_invalid_weights_are_refused(wanted: list[float]) -> None:
    with pytest.raises(
        ConfigError, match=r"(?s)loss\.class_weights.*Expected 3 weights from 0 up, one for each class, got"
    ):
        class_weight_values(SPEC, wanted)


def test_language_models_have_no_class_weights() -> None:
    spec = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)
    assert class_weight_values(spec, "none") is None
    with pytest.raises(ConfigError, match=r"loss\.class_weights\n.*Language models do not support class weights; use"):
        class_weight_values(spec, "balanced")
