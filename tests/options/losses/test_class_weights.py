"""Class weights: none, balanced by hand, given, and wrong."""

from __future__ import annotations

import pytest

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError
from dlrun.options.losses._class_weights import class_weight_values, need_regression

SPEC = DataSpec("dense", (2,), "multiclass", 3, class_counts=(6, 3, 1))


def test_none_balanced_and_given() -> None:
    assert class_weight_values(SPEC, "none") is None
    assert class_weight_values(SPEC, "balanced") == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert class_weight_values(SPEC, [1, 2, 0]) == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("wanted", [[1.0, 2.0], [], [1.0, 2.0, -1.0]])
def test_wrong_weights_are_named(wanted: list[float]) -> None:
    with pytest.raises(ConfigError, match=r"(?s)loss\.class_weights.*Expected 3 weights from 0 up, one a class, got"):
        class_weight_values(SPEC, wanted)


@pytest.mark.parametrize(
    ("spec", "right"), [(SPEC, "cross_entropy"), (DataSpec("dense", (2,), "binary", 2), "binary_cross_entropy")]
)
def test_a_loss_for_numbers_refuses_classes(spec: DataSpec, right: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)loss=mse.*{spec.num_outputs} classes; use loss={right}\."):
        need_regression(spec, "mse")
    need_regression(DataSpec("dense", (2,), "regression", 1), "mse")
