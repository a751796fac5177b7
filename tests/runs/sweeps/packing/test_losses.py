"""The losses of a pack equal those of its models one by one, whatever the way they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.huber import huber
from dlrun.options.losses.mae import mae
from dlrun.options.losses.mse import mse
from dlrun.runs.sweeps.packing.losses import packed_loss, row_losses
from dlrun.runs.sweeps.packing.stack import Stack
from dlrun.tasks.task import SupervisedTask

CLASSES = DataSpec(kind="dense", shape=(3,), goal="multiclass", num_outputs=4, class_names=tuple("abcd"), num_train=8)
TWO = DataSpec(kind="dense", shape=(3,), goal="binary", num_outputs=2, class_names=("a", "b"), num_train=8)
NUMBERS = DataSpec(kind="dense", shape=(3,), goal="regression", num_outputs=2, num_train=8)


def batch_of(spec: DataSpec, seed: int = 0) -> Batch:
    drawn = torch.Generator().manual_seed(seed)
    inputs = torch.randn(8, 3, generator=drawn)
    if spec.goal == "regression":
        return Batch(inputs, torch.randn(8, 2, generator=drawn))
    return Batch(inputs, torch.randint(0, spec.num_outputs, (8,), generator=drawn))


def tasks_of(spec: DataSpec, losses: Sequence[nn.Module], *, last: Any = None) -> list[SupervisedTask]:
    outputs = 1 if spec.goal == "binary" else spec.num_outputs
    found = []
    for loss in losses:
        layers = [nn.Flatten(), nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, outputs)]
        found.append(SupervisedTask(nn.Sequential(*layers, *([last()] if last else [])), loss, spec))
    return found


def both(tasks: list[SupervisedTask], batches: Sequence[Batch], *, has_weights: bool = False) -> tuple[Tensor, Tensor]:
    """Losses of the tasks one by one, and packed; one batch is for all of them."""
    shared = len(batches) == 1
    each = list(batches) * (len(tasks) if shared else 1)
    alone = torch.stack([task.training_loss(batch) for task, batch in zip(tasks, each, strict=True)])
    stack = Stack(tasks)
    joint = batches[0]
    if not shared:
        joint = Batch(torch.stack([b.inputs for b in batches]), torch.stack([b.targets for b in batches]))
    return alone, packed_loss(tasks, has_weights=has_weights)(stack.parameters, joint, shared=shared)


def smoothed(spec: DataSpec, *amounts: float) -> list[nn.Module]:
    make = binary_cross_entropy if spec is TWO else cross_entropy
    return [make(spec, label_smoothing=amount, class_weights="none") for amount in amounts]


@pytest.mark.parametrize("own_batches", [False, True])
@pytest.mark.parametrize(
    ("spec", "losses"),
    [
        (CLASSES, smoothed(CLASSES, 0.0, 0.0, 0.0)),
        (CLASSES, smoothed(CLASSES, 0.2, 0.2, 0.2)),
        (CLASSES, smoothed(CLASSES, 0.0, 0.1, 0.9)),
        (TWO, smoothed(TWO, 0.0, 0.1, 0.5)),
        (NUMBERS, [mse(NUMBERS) for _ in range(3)]),
        (NUMBERS, [mae(NUMBERS) for _ in range(3)]),
        (NUMBERS, [huber(NUMBERS, delta=0.5) for _ in range(3)]),
    ],
)
@pytest.mark.parametrize("last", [None, nn.Hardtanh])  # of which only vmap knows the second
def test_packed_losses_are_those_of_each_model(
    spec: DataSpec, losses: list[nn.Module], last: Any, own_batches: bool
) -> None:
    tasks = tasks_of(spec, losses, last=last)
    batches = [batch_of(spec, seed) for seed in range(3)] if own_batches else [batch_of(spec)]
    alone, packed = both(tasks, batches)
    assert torch.allclose(alone, packed, atol=1e-6), (alone, packed)


def test_weights_of_classes_and_rows_count_as_alone() -> None:
    weighted = [cross_entropy(CLASSES, label_smoothing=0.1, class_weights=[1.0, 2.0, 0.5, 3.0]) for _ in range(2)]
    assert row_losses(weighted) is None
    alone, packed = both(tasks_of(CLASSES, weighted), [batch_of(CLASSES)])
    assert torch.allclose(alone, packed, atol=1e-6)
    batch = batch_of(CLASSES)._replace(weights=torch.tensor([1.0, 0.0, 2.0, 1.0, 0.5, 1.0, 3.0, 1.0]))
    alone, packed = both(tasks_of(CLASSES, smoothed(CLASSES, 0.0, 0.3)), [batch], has_weights=True)
    assert torch.allclose(alone, packed, atol=1e-6)


def dropped(spec: DataSpec, chances: Sequence[float], *, last: Any) -> list[float]:
    """The share of ones that dropout sets to zero in each model of a pack, whose outputs are its inputs."""
    tasks = []
    for chance in chances:
        model = nn.Sequential(nn.Flatten(), nn.Dropout(chance), nn.Linear(1000, 1000, bias=False), *last)
        with torch.no_grad():
            model[2].weight.copy_(torch.eye(1000))  # type: ignore[union-attr]
        tasks.append(SupervisedTask(model, nn.L1Loss(), spec))
    stack = Stack(tasks)
    batch = Batch(torch.ones(4, 1000), torch.zeros(4, 1000))
    torch.manual_seed(0)
    scale = 1 - torch.tensor(chances)  # the kept ones are scaled by 1 / (1 - p), so that the mean is about 1
    losses = packed_loss(tasks, has_weights=False)(stack.parameters, batch, shared=True)
    assert torch.allclose(losses, torch.ones(len(chances)), atol=0.1)
    return (1 - losses.detach() * scale).tolist()


@pytest.mark.parametrize("last", [(), (nn.Hardtanh(-1e9, 1e9),)])
def test_each_model_has_its_own_probability_of_dropout(last: Any) -> None:
    wide = DataSpec(kind="dense", shape=(1000,), goal="regression", num_outputs=1000, num_train=4)
    found = dropped(wide, [0.1, 0.5, 0.8], last=last)
    assert found == pytest.approx([0.1, 0.5, 0.8], abs=0.03)
    same = dropped(wide, [0.5, 0.5], last=last)
    assert same == pytest.approx([0.5, 0.5], abs=0.03)
    assert same[0] != same[1]  # each has a mask of its own
