"""The tables that come with dlrun, compared with scikit-learn's copies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sklearn.datasets as oracle
import torch

from dlrun.data.files.bundled import column_names
from dlrun.data.source import Source
from dlrun.options.datasets.breast_cancer import breast_cancer
from dlrun.options.datasets.diabetes import diabetes
from dlrun.options.datasets.digits import digits
from dlrun.options.datasets.iris import iris
from dlrun.options.datasets.wine import wine


def all_features() -> Source:
    return breast_cancer(features="all")


@pytest.mark.parametrize(
    ("dataset", "load"),
    [(iris, oracle.load_iris), (wine, oracle.load_wine), (all_features, oracle.load_breast_cancer)],
    ids=["iris", "wine", "breast_cancer"],
)
def test_a_table_of_classes_is_scikit_learns(dataset: Callable[[], Source], load: Callable[..., object]) -> None:
    rows, classes = load(return_X_y=True)  # type: ignore[misc]
    source = dataset()
    assert source.kind == "dense"
    assert source.train.inputs.dtype == torch.float32
    np.testing.assert_array_equal(source.train.inputs.numpy(), rows.astype(np.float32))
    np.testing.assert_array_equal(source.train.targets.numpy(), classes)
    assert source.train.targets.dtype == torch.int64
    assert source.test is None
    assert len(source.class_names) == len(set(classes.tolist()))


def test_digits_are_scikit_learns_as_bytes() -> None:
    rows, classes = oracle.load_digits(return_X_y=True)
    source = digits()
    assert source.train.inputs.dtype == torch.uint8
    np.testing.assert_array_equal(source.train.inputs.reshape(1797, 64).numpy(), rows.astype(np.uint8))
    np.testing.assert_array_equal(source.train.targets.numpy(), classes)


def test_diabetes_is_scikit_learns_before_scaling() -> None:
    rows, progression = oracle.load_diabetes(return_X_y=True, scaled=False)
    source = diabetes()
    assert (source.kind, source.goal) == ("dense", "regression")
    np.testing.assert_array_equal(source.train.inputs.numpy(), rows.astype(np.float32))
    assert source.train.targets.shape == (442, 1)
    np.testing.assert_array_equal(source.train.targets[:, 0].numpy(), progression.astype(np.float32))


def test_goals_and_class_names() -> None:
    assert (iris().goal, tuple(iris().class_names)) == ("multiclass", ("setosa", "versicolor", "virginica"))
    assert wine().goal == "multiclass"
    assert (all_features().goal, tuple(all_features().class_names)) == ("binary", ("malignant", "benign"))
    assert torch.bincount(all_features().train.targets).tolist() == [212, 357]


def test_the_mean_features_of_breast_cancer_are_the_first_ten() -> None:
    source = breast_cancer(features="mean")
    assert source.train.inputs.shape == (569, 10)
    torch.testing.assert_close(source.train.inputs, all_features().train.inputs[:, :10], rtol=0, atol=0)
    names = column_names("breast_cancer")
    assert all(name.startswith("mean_") for name in names[:10])
    assert not any(name.startswith("mean_") for name in names[10:])
