"""The recommender begins with the baseline's biases, or with random ones."""

from __future__ import annotations

from typing import Any

import torch

from dlrun.baselines.biases import biases_model
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from dlrun.options.models.factorization import factorization
from dlrun.tasks.task import FitsData

FIELDS: dict[str, Any] = {"factors": 3, "variant": "biased", "hidden": [], "dropout": 0.0}
SPEC = DataSpec("dense", (2,), "regression", 1, categories=(4, 3))


def rows() -> MemorySplit:
    pairs = torch.tensor([[u, i] for u in (1, 2, 3) for i in (1, 2)] * 4)
    ratings = (pairs[:, :1] - 2 + 0.5 * pairs[:, 1:]).float()
    return MemorySplit(pairs.float(), ratings)


def test_fitted_biases_are_those_of_the_baseline() -> None:
    model = factorization(SPEC, **FIELDS, biases="fitted")
    assert isinstance(model, FitsData)
    train = rows()
    with torch.no_grad():
        model.fit_to(train)
        for table in (model.users, model.items):
            table.weight.zero_()  # type: ignore[operator, union-attr]
    pairs = torch.tensor([[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]])
    baseline = biases_model(SPEC, train, most_rows=100, seed=0, check=lambda: None)
    expected = baseline.outputs(MemorySplit(pairs, torch.zeros(3, 1)).fetch(slice(0, 3)))
    assert torch.allclose(model(pairs).double(), expected, atol=1e-5)


def test_random_biases_are_not_fitted() -> None:
    assert not isinstance(factorization(SPEC, **FIELDS, biases="random"), FitsData)
