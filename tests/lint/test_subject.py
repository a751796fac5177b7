from __future__ import annotations

import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.randomness import permutation
from dlrun.lint.subject import Measured, Subject, data_keys
from dlrun.training.build import build_components


def subject(*words: str, measured: Measured | None = None) -> Subject:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["device=cpu", "device.threads=1", *words], catalog), catalog)
    composed = compose(plan, catalog)
    components = build_components(composed.config, catalog)
    return Subject(composed, components, catalog, {} if measured is None else measured)


def test_values_are_found_by_key() -> None:
    looked = subject("dataset=iris", "model=mlp", "optimizer.lr=0.5")
    assert looked.value("optimizer.lr") == 0.5
    assert looked.value("trainer.early_stop.min_delta") == 0.0
    assert looked.value("model.no_such_field") is None
    assert looked.is_set("optimizer.lr")
    assert looked.is_set("model")
    assert not looked.is_set("trainer.epochs")


def test_a_measurement_is_shared_by_points_with_the_same_values() -> None:
    measured: Measured = {}
    calls = []
    for words in (("optimizer.lr=1", "seed=0"), ("optimizer.lr=1", "seed=1"), ("optimizer.lr=2", "seed=0")):
        looked = subject("dataset=iris", "model=mlp", *words, measured=measured)
        looked.once("limit", ("dataset", "optimizer.lr"), lambda: calls.append(1))
    assert len(calls) == 2


def test_the_first_batch_is_the_one_that_training_takes_first() -> None:
    looked = subject("dataset=iris", "model=mlp", "trainer.batch_size=7")
    order = permutation(len(looked.data.train), seed=0, epoch=0)
    assert looked.batch.inputs.shape == (7, 4)
    assert torch.equal(looked.batch.inputs, looked.data.train.fetch(order[:7]).inputs)


def test_a_fresh_task_can_be_trained_without_changing_the_task() -> None:
    looked = subject("dataset=iris", "model=tabular")
    before = {name: value.clone() for name, value in looked.task.state_dict().items()}
    fresh, again = looked.fresh_task(), looked.fresh_task()
    assert fresh is not again
    with torch.no_grad():
        for parameter in fresh.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in looked.task.state_dict().items())
    prepared = again.state_dict()
    assert any(not torch.equal(prepared[name], before[name]) for name in before)  # the closed-form linear model


def test_rows_do_not_depend_on_how_they_are_augmented() -> None:
    measured: Measured = {}
    calls = []
    for words in (("model=mlp",), ("model=cnn",), ("model=mlp", "dataset.split_seed=1")):  # model=cnn may shift images
        looked = subject("dataset=digits", *words, measured=measured)
        looked.once("rows", data_keys(looked), lambda: calls.append(1))
    assert len(calls) == 2
