"""The largest stable rate of linear least squares, against formulas and against descent itself."""

from __future__ import annotations

import math

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.tasks.task import SupervisedTask
from dlrun.training.build import Components, build_components
from dlrun.training.stability import StableLimit, fix_of, is_least_squares, rounded_down, stable_limit
from tests.harness import CPU, configure

WORDS = ("dataset=line", "dataset.test_fraction=0", "dataset.val_fraction=0", "model=linear", "optimizer=sgd", *CPU)
# x = 0..99: the Hessian is 2 [[mean x^2, mean x], [mean x, 1]] = 2 [[3283.5, 49.5], [49.5, 1]]
LARGEST = 2 * (3284.5 + math.sqrt(3282.5**2 + 4 * 49.5**2)) / 2


def built(*words: str) -> Components:
    return build_components(configure(*WORDS, "optimizer.lr=1e-5", *words), Catalog())


def limit_of(*words: str) -> StableLimit:
    components = built(*words)
    return stable_limit(components.data, components.config)


@pytest.mark.parametrize(
    ("words", "factor"),
    [
        ((), 2),
        (("optimizer.momentum=0.9",), 2 * 1.9),
        (("optimizer.momentum=0.5", "optimizer.nesterov=true"), 2 * 1.5 / 2),
    ],
)
def test_the_limit_of_the_full_batch_is_exact(words: tuple[str, ...], factor: float) -> None:
    found = limit_of("trainer.batch_size=100", *words)
    assert found.lr == pytest.approx(factor / LARGEST, rel=1e-6)
    assert found.standardised == pytest.approx(factor / 2, rel=1e-4)  # the Hessian is 2 in both directions


def test_weight_decay_adds_to_the_sharpness() -> None:
    found = limit_of("trainer.batch_size=100", "optimizer.weight_decay=1000")
    assert found.lr == pytest.approx(2 / (LARGEST + 1000), rel=1e-6)


@pytest.mark.parametrize("words", [(), ("optimizer.momentum=0.9",)])
def test_the_limit_in_mini_batches_is_where_the_run_itself_diverges(words: tuple[str, ...]) -> None:
    found = limit_of("trainer.batch_size=16", *words)
    for share, grows in ((0.8, False), (1.2, True)):
        components = built("trainer.batch_size=16", f"optimizer.lr={share * found.lr:.6g}", *words)
        assert (_loss_after(components, epochs=40) > 1e6) == grows


def _loss_after(components: Components, *, epochs: int) -> float:
    """The loss after training by torch's own SGD."""
    import torch

    from dlrun.data.loading.split import Loader

    config, task = components.config, components.task
    assert isinstance(task, SupervisedTask)
    optimizer = torch.optim.SGD(task.parameters(), lr=config.optimizer["lr"], momentum=config.optimizer["momentum"])
    loader = Loader(components.data.train, batch_size=config.trainer.batch_size, seed=0, shuffle=True)
    loss = torch.zeros(())
    for epoch in range(epochs):
        for batch in loader.epoch(epoch):
            loss = task.loss_of(task(batch), batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return float(loss.detach().nan_to_num(math.inf))


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=adam",),
        ("scheduler=cosine",),
        ("scheduler.warmup_steps=5",),
        ("loss=mae",),
        ("trainer.clip_norm=1",),
        ("model=mlp",),
    ],
)
def test_other_runs_have_no_exact_limit(words: tuple[str, ...]) -> None:
    kept = tuple(word for word in WORDS if word.partition("=")[0] not in [each.partition("=")[0] for each in words])
    components = build_components(configure(*kept, *words), Catalog())
    assert isinstance(components.task, SupervisedTask)
    assert not is_least_squares(components.task, components.data, components.config)


def test_the_fix_is_half_the_limit_unless_standardised_inputs_mend_it() -> None:
    config = built("optimizer.lr=0.01").config
    assert fix_of(StableLimit(lr=3.04e-4, standardised=1.0), config) == "dataset.standardise=true"
    assert fix_of(StableLimit(lr=3.04e-4, standardised=0.01), config) == "optimizer.lr=0.00015"


@pytest.mark.parametrize(("value", "expected"), [(3.04e-4, 3e-4), (0.999, 0.99), (12.9, 12.0), (0.5, 0.5), (1.0, 1.0)])
def test_rounding_down_keeps_two_digits(value: float, expected: float) -> None:
    assert rounded_down(value) == pytest.approx(expected)
