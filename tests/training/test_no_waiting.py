"""The loop of training and evaluation reads no number from the device, which would wait for it.

On the CPU reading costs nothing, so a device that says it is none takes the code paths of a GPU, and every function
that would wait on one raises. A copy to the machine's memory looks like none here; on a GPU, torch itself finds those.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.device import Device
from dlrun.runs.run import build_state
from dlrun.training.build import Components, build_components
from dlrun.training.divergence import steps_after
from dlrun.training.trainer import Trainer, take_step
from tests.harness import configure

WAITS = (
    "_local_scalar_dense",
    "nonzero",
    "equal",
    "_unique2",
    "masked_select",
    "bincount",
    "repeat_interleave",
    "is_nonzero",
)
READS = ("cpu", "numpy", "tolist", "item", "__bool__", "__float__", "__int__", "__index__")


class _Kernels(TorchDispatchMode):
    """Refuses kernels whose result has to be known to the processor."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masks = name == "index" and any(each is not None and each.dtype == torch.bool for each in args[1])
        if name in WAITS or masks:
            raise AssertionError(f"{func} waits for the device")
        return func(*args, **(kwargs or {}))


class _Methods(TorchFunctionMode):
    """Refuses methods that read a tensor into Python."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in READS:
            raise AssertionError(f"Tensor.{func.__name__} waits for the device")
        return func(*args, **(kwargs or {}))


class Elsewhere(Device):
    """The CPU, taken for a device on which reading a number waits."""

    @property
    def is_cpu(self) -> bool:
        return False


@contextlib.contextmanager
def no_waiting(device: torch.device) -> Iterator[None]:
    """A context in which nothing may wait for the device."""
    if device.type == "cpu":
        with _Kernels(), _Methods():
            yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it does not find every case
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def built(*words: str, device: str) -> tuple[Trainer, Components]:
    """Return the trainer of a run, and what it trains."""
    config = configure(*words, f"device={device}", "device.threads=1", "dataset.limit=100")
    components = build_components(config, Catalog())
    config, torch_device = components.config, components.device.torch
    components.task.prepare(components.data)
    if device == "cpu":
        components = dataclasses.replace(components, device=Elsewhere(torch_device, components.device.precision, 1))
    state = build_state(config, Catalog(), components)
    return Trainer(config, components, state, store=None, metadata={}), components  # type: ignore[arg-type]


TEXTS = ("dataset=text", "dataset.path=example:reviews.csv")
TABLE = ("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed")
RUNS = {
    "mlp": ("dataset=digits", "model=mlp", "model.dropout=0.2", "trainer.clip_norm=1", "scheduler=cosine"),
    "weights": (*TABLE, "dataset.weight=visits", "model=mlp", "trainer.accumulate=3", "trainer.batch_size=8"),
    "cnn": ("dataset=digits", "model=cnn", "dataset.augment.shift=1", "trainer.ema=0.9", "optimizer=sgd"),
    "lstm": ("dataset=digits", "model=rnn", "model.cell=lstm", "optimizer=adamw"),
    "resnet": ("dataset=digits", "model=resnet", "dataset.augment.crop=1", "dataset.augment.flip=true"),
    "transformer": (*TEXTS, "model=transformer", "model.width=16", "model.layers=1"),
    "bf16": ("dataset=digits", "model=mlp", "device.precision=bf16"),
    "fp16": ("dataset=digits", "model=mlp", "device.precision=fp16", "trainer.clip_norm=1"),
    "gan": ("dataset=digits", "model=gan"),
    "tabular": (*TABLE, "model=tabular", "model.members=2"),
    "several": (*TABLE[:2], "dataset.target=[renewed,spent]", "model=mlp"),
    "ratings": ("dataset=interactions", "dataset.path=example:ratings.csv", "model=factorization"),
    "muon": ("dataset=digits", "model=mlp", "optimizer=muon"),
}
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", RUNS)
def test_no_step_and_no_evaluated_batch_waits_for_the_device(name: str, device: str) -> None:
    trainer, components = built(*RUNS[name], device=device)
    state, task = trainer.state, components.task

    def add(values: dict[str, Tensor]) -> None:
        assert state.means.add(values)

    steps = list(itertools.islice(steps_after(trainer, state), 3))
    task.train()
    with components.device.autocast():
        take_step(state, steps[0], train_step=task.train_step, on_metrics=add)  # which allocates
        with no_waiting(components.device.torch):
            for batches in steps[1:]:
                take_step(state, batches, train_step=task.train_step, on_metrics=add)
    sums, count = state.means.take()
    assert count == 3 * trainer.settings.accumulate
    assert all(value == value for value in sums.values())
    task.eval()
    with torch.inference_mode(), components.device.autocast():
        evaluation = task.evaluation()
        batch = components.data.train.fetch(slice(0, 50))
        evaluation.add(batch)
        with no_waiting(components.device.torch):
            evaluation.add(batch)
        assert all(value == value for value in evaluation.result().values())


@pytest.mark.parametrize("device", DEVICES)
def test_rows_are_fetched_without_waiting(device: str) -> None:
    _, components = built(*RUNS["resnet"], device=device)
    rows = torch.arange(0, 60, 3, device=components.device.torch)
    augment = components.config.dataset_settings.augment
    with no_waiting(components.device.torch):
        batch = components.data.train.fetch(rows, augment=augment, seed=1, epoch=2)
    assert batch.inputs.shape == (20, 1, 8, 8)


def test_what_waits_is_found() -> None:
    numbers = torch.arange(4.0)
    for read in (
        lambda: numbers.sum().item(), lambda: float(numbers[0]), lambda: bool(numbers.any()), lambda: numbers.nonzero(),
        lambda: numbers[numbers > 1], lambda: numbers.unique(), lambda: numbers.tolist(), lambda: numbers.cpu(),
        lambda: torch.bincount(numbers.long()), lambda: torch.equal(numbers, numbers),
    ):  # fmt: skip
        with pytest.raises(AssertionError, match="waits for the device"), no_waiting(torch.device("cpu")):
            read()
