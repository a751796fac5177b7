"""dlrun.baselines.linear: ridge and logistic regression of a dataset, and the sizes that are too large for them."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines import linear
from dlrun.baselines.linear import logistic_model, ridge_model, rows_for_logistic, rows_for_ridge
from dlrun.baselines.ridge import fit_ridge
from tests.baselines.rows import nothing, prepared

DRAW = torch.Generator().manual_seed(0)
INPUTS = torch.randn(300, 4, generator=DRAW) * 5 + 20
NUMBERS = INPUTS[:, 0] * 3 + torch.randn(300, generator=DRAW) + 500


def test_numbers_are_those_of_the_closed_form() -> None:
    data = prepared("dense", "regression", INPUTS, NUMBERS, test=100, standardise_target=True)
    found = ridge_model(data.spec, data.train, most_rows=10**9, seed=0, check=nothing)
    assert found is not None
    assert (found.name, found.kind) == ("linear model", "simple")
    train, test = data.train.fetch(slice(None)), data.split("test").fetch(slice(None))
    expected = fit_ridge(train.inputs.double(), train.targets.double()).predict(test.inputs.double())
    torch.testing.assert_close(found.outputs(test), expected)
    assert found.metrics(data.split("test"), check=nothing)["r2"] > 0.99


@pytest.mark.parametrize("goal", ["binary", "multiclass"])
def test_classes_are_found_where_a_line_divides_them(goal: str) -> None:
    targets = (INPUTS[:, 0] > 20).long() + (2 * (INPUTS[:, 1] > 24).long() if goal == "multiclass" else 0)
    data = prepared("dense", goal, INPUTS, targets.clamp(max=2), test=100)  # type: ignore[arg-type]
    found = logistic_model(data.spec, data.train, most_rows=10**9, seed=0, check=nothing)
    assert found is not None
    assert found.metrics(data.split("test"), check=nothing)["accuracy"] > 0.85


def test_a_class_that_the_sample_lacks_is_never_predicted() -> None:
    targets = torch.arange(300) % 3
    targets[:299] = targets[:299].clamp(max=1)  # a single row has class 2
    data = prepared("dense", "multiclass", INPUTS, targets)
    found = logistic_model(data.spec, data.train, most_rows=60, seed=0, check=nothing)
    assert found is not None
    assert found.name == "linear model on 60 rows"
    assert set(found.outputs(data.train.fetch(slice(None))).argmax(dim=1).tolist()) <= {0, 1}


def test_the_sample_is_drawn_by_the_seed() -> None:
    data = prepared("dense", "regression", INPUTS, NUMBERS)
    batch = data.train.fetch(slice(0, 5))
    made = [ridge_model(data.spec, data.train, most_rows=100, seed=seed, check=nothing) for seed in (0, 0, 1)]
    first, same, other = (model.outputs(batch) for model in made if model is not None)
    assert first.tolist() == same.tolist() != other.tolist()


def test_fewer_rows_are_used_of_more_features() -> None:
    assert [rows_for_ridge(width) for width in (10, 100, 1000, 2000, 100_000)] == [
        1_000_000,
        100_000,
        10_000,
        1000,
        100,
    ]
    assert rows_for_logistic(10, 2) == 1_000_000
    assert rows_for_logistic(1000, 10) == 4000


def test_there_is_none_if_hardly_any_row_could_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_MOST_VALUES", 100)
    data = prepared("dense", "regression", INPUTS, NUMBERS)
    assert ridge_model(data.spec, data.train, most_rows=10**9, seed=0, check=nothing) is None
    classes = prepared("dense", "binary", INPUTS, (NUMBERS > 560).long())
    assert logistic_model(classes.spec, classes.train, most_rows=10**9, seed=0, check=nothing) is None


def test_few_rows_are_enough_if_there_are_no_more() -> None:
    data = prepared("dense", "regression", INPUTS[:2], NUMBERS[:2])
    found = ridge_model(data.spec, data.train, most_rows=10**9, seed=0, check=nothing)
    assert found is not None
    assert found.name == "linear model"
