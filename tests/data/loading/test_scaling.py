"""`dlrun.data.prepare`: how inputs and targets are scaled, with numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import prepare
from dlrun.data.source import Rows, Source

ALL_TRAIN = DatasetSettings(val_fraction=0.0, test_fraction=0.0)


def numbers(*values: float) -> Source:
    """Row i holds i, and values[i] to predict."""
    inputs = torch.arange(len(values), dtype=torch.float32).unsqueeze(1)  # (N, 1)
    return Source("dense", "regression", Rows(inputs, torch.tensor(values)))


def raw(**settings: object) -> DatasetSettings:
    return DatasetSettings(**{"standardise": False, **settings})  # type: ignore[arg-type]


def features(*columns: list[float]) -> Source:
    inputs = torch.tensor(columns).T.contiguous()
    return Source("dense", "regression", Rows(inputs, torch.zeros(len(inputs))))


def test_inputs_are_standardised_feature_by_feature() -> None:
    data = prepare("toy", features([1.0, 3.0], [10.0, 50.0]), ALL_TRAIN)
    assert data.train.inputs.tolist() == [[-1.0, -1.0], [1.0, 1.0]]
    assert data.spec.scaling is not None
    assert (data.spec.scaling.mean, data.spec.scaling.std) == ((2.0, 30.0), (1.0, 20.0))
    assert (data.spec.scaling.low, data.spec.scaling.high) == (1.0, 50.0)


def test_a_feature_that_never_changes_becomes_zero() -> None:
    assert prepare("toy", features([0.1] * 7), ALL_TRAIN).train.inputs.flatten().tolist() == [0.0] * 7


def test_scaling_is_fitted_on_the_training_rows_only() -> None:
    source = features([1.0, 3.0])
    source.test = Rows(torch.tensor([[100.0], [2.0]]), torch.zeros(2, 1))
    data = prepare("toy", source, DatasetSettings(val_fraction=0.0))
    assert data.train.inputs.tolist() == [[-1.0], [1.0]]
    assert data.test is not None
    assert data.test.inputs.tolist() == [[98.0], [0.0]]


def test_scaling_excludes_held_out_rows() -> None:
    data = prepare("toy", numbers(*range(10)), DatasetSettings(val_fraction=0.2, test_fraction=0.3))
    assert float(data.train.inputs.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(data.train.inputs.std(correction=0)) == pytest.approx(1.0, abs=1e-6)


def test_inputs_are_left_as_they_are_without_standardising() -> None:
    data = prepare("toy", features([1.0, 3.0]), raw(val_fraction=0.0, test_fraction=0.0))
    assert data.train.inputs.tolist() == [[1.0], [3.0]]
    assert data.spec.scaling is None


def pictures(*values: int, value_range: tuple[float, float] | None = (0.0, 16.0)) -> Source:
    images = torch.tensor(values, dtype=torch.uint8).reshape(-1, 1, 1, 2)  # two pixels each
    rows = Rows(images, torch.zeros(len(images), dtype=torch.int64))
    return Source("image", "multiclass", rows, value_range=value_range)


def test_bytes_stay_bytes_until_they_are_fetched() -> None:
    data = prepare("toy", pictures(0, 8, 8, 16), ALL_TRAIN)
    assert data.train.inputs.dtype == torch.uint8
    assert data.spec.scaling is not None
    assert data.spec.scaling.mean == (8.0,)
    assert data.spec.scaling.std == (pytest.approx(math.sqrt(32)),)  # of 0, 8, 8, 16
    expected = torch.tensor([-math.sqrt(2), 0.0, 0.0, math.sqrt(2)])
    torch.testing.assert_close(data.train.fetch(slice(None)).inputs.flatten(), expected)


@pytest.mark.parametrize(("value_range", "expected"), [((0.0, 16.0), [0.0, 0.5]), (None, [0.0, 8 / 255])])
def test_bytes_that_are_not_standardised_are_scaled_to_0_to_1(
    value_range: tuple[float, float] | None, expected: list[float]
) -> None:
    data = prepare("toy", pictures(0, 8, value_range=value_range), raw(val_fraction=0.0, test_fraction=0.0))
    torch.testing.assert_close(data.train.fetch(slice(None)).inputs.flatten(), torch.tensor(expected))


def test_images_of_floats_are_standardised_channel_by_channel() -> None:
    images = torch.tensor([[[[0.0, 2.0]], [[10.0, 30.0]]]])  # (1, 2, 1, 2)
    source = Source("image", "multiclass", Rows(images, torch.tensor([0])))
    assert prepare("toy", source, ALL_TRAIN).train.inputs.flatten().tolist() == [-1.0, 1.0, -1.0, 1.0]


def test_tokens_are_never_scaled() -> None:
    rows = Rows(torch.tensor([[5, 0], [7, 9]]), torch.tensor([0, 1]), torch.tensor([1, 2]))
    source = Source("tokens", "multiclass", rows, vocabulary_size=10)
    data = prepare("toy", source, ALL_TRAIN)
    assert data.train.inputs.tolist() == [[5, 0], [7, 9]]
    assert data.train.lengths is not None
    assert data.train.lengths.tolist() == [1, 2]
    assert (data.spec.scaling, data.spec.vocabulary_size, data.spec.has_lengths) == (None, 10, True)


def test_a_target_is_standardised_by_the_training_rows_and_the_spec_has_the_scaling() -> None:
    source = numbers(1.0, 5.0)
    source.test = Rows(torch.tensor([[0.0]]), torch.tensor([[9.0]]))
    data = prepare("toy", source, raw(val_fraction=0.0, standardise_target=True))
    assert data.train.targets.tolist() == [[-1.0], [1.0]]
    assert data.test is not None
    assert data.test.targets.tolist() == [[3.0]]
    assert (data.spec.target_mean, data.spec.target_std) == (3.0, 2.0)


def test_a_target_that_never_changes_becomes_zero() -> None:
    data = prepare("toy", numbers(4.0, 4.0), raw(val_fraction=0.0, test_fraction=0.0, standardise_target=True))
    assert data.train.targets.tolist() == [[0.0], [0.0]]
    assert data.spec.target_std == 1.0
