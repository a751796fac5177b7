"""dlrun.baselines.features: flat rows, one-hot codes, and numbers that the dataset left unscaled."""

from __future__ import annotations

import torch

from dlrun.baselines.features import Features
from dlrun.data.spec import DataSpec, Scaling

SCALED = Scaling((0.0,), (1.0,), 0.0, 1.0)


def test_codes_become_one_hot_and_an_unknown_code_is_all_zeros() -> None:
    features = Features(DataSpec("dense", (3,), "regression", 1, scaling=SCALED, categories=(3, 2)))
    rows = torch.tensor([[0.5, 1.0, 1.0], [0.25, 2.0, 0.0], [0.0, 0.0, 1.0]])
    assert features.width == 1 + 2 + 1
    expected = [[0.5, 1, 0, 1], [0.25, 0, 1, 0], [0, 0, 0, 1]]
    assert features.fit(rows).tolist() == features(rows).tolist() == expected


def test_numbers_are_standardised_if_the_dataset_did_not() -> None:
    features = Features(DataSpec("dense", (3,), "regression", 1, categories=(3,)))
    fitted = features.fit(torch.tensor([[1.0, 7.0, 1.0], [3.0, 7.0, 2.0]]))
    assert fitted.tolist() == [[-1, 0, 1, 0], [1, 0, 0, 1]]
    assert features(torch.tensor([[5.0, 8.0, 0.0]])).tolist() == [[3, 1, 0, 0]]


def test_sequences_and_images_are_flattened() -> None:
    features = Features(DataSpec("sequence", (2, 3), "regression", 1, scaling=SCALED))
    assert features.fit(torch.arange(12.0).reshape(2, 2, 3)).shape == (2, features.width) == (2, 6)
