"""dlrun.baselines.features: flat rows, one-hot codes, and numbers that the dataset left unscaled."""

from __future__ import annotations

import math

import torch

from dlrun.baselines.features import Features
from dlrun.data.spec import Block, DataSpec, Scaling

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


def test_a_text_is_its_tf_idf_and_an_image_its_small_pixels() -> None:
    blocks = (Block("t", "text", 3, (4,), vocabulary_size=5), Block("p", "image", 7, (1, 16, 16)))
    features = Features(DataSpec("dense", (263,), "binary", 2, categories=(3,), blocks=blocks))
    rows = torch.zeros(2, 263)
    rows[:, :7] = torch.tensor([[1.0, 2, 1, 2, 2, 3, 0], [1, 2, 0, 3, 0, 0, 0]])
    rows[0, 7:] = torch.arange(256)
    found = features.fit(rows)
    assert found.shape == (2, features.width) == (2, 2 + 2 + 4 + 64)
    rare = math.log(3 / 2) + 1  # of id 2, which one row of two has; id 3 is in both
    norm = math.hypot(2 * rare, 1)
    torch.testing.assert_close(found[0, 4:8], torch.tensor([0, 2 * rare / norm, 1 / norm, 0]).double())
    assert found[1, 4:8].tolist() == [0, 0, 1, 0]
    assert found[0, 8].item() == (0 + 1 + 16 + 17) / 4
