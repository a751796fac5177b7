"""dlrun.optim.distributed.batch_norm: the same numbers as torch's normalisation of the whole batch."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.loading.shard import BatchPart, Shard
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.whole_batch import WholeBatch


class ThreadGroup(Group):
    """Members are threads, which add through a list that they share."""

    def __init__(self, rank: int, size: int, given: list[Tensor], barrier: threading.Barrier) -> None:
        super().__init__(rank, size)
        self._given, self._barrier = given, barrier

    def add(self, tensor: Tensor) -> None:
        self._given[self.rank] = tensor.clone()
        self._barrier.wait(20)
        tensor.copy_(torch.stack(self._given).sum(dim=0))
        self._barrier.wait(20)


Numbers = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def passed(layer: nn.Module, rows: Tensor, factor: Tensor) -> Numbers:
    """Outputs, their gradient for the inputs, and the layer's state and gradients after a weighted sum."""
    rows = rows.clone().requires_grad_()
    out = layer(rows)
    gradients = torch.autograd.grad((out * factor).sum(), [rows, *layer.parameters()])
    return (out.detach(), *gradients, *(each.clone() for each in list(layer.buffers())[:2]))  # type: ignore[return-value]


def in_all(make: type[nn.Module], inputs: Tensor, factor: Tensor, size: int) -> list[tuple[BatchPart, Numbers]]:
    """The same in so many threads, each with its rows."""
    given, barrier = [torch.zeros(0)] * size, threading.Barrier(size)

    def work(rank: int) -> tuple[BatchPart, Numbers]:
        part = BatchPart(*Shard(rank, size).part(len(inputs)), len(inputs))
        share = 0.0 if part.is_empty else 1.0
        with WholeBatch(ThreadGroup(rank, size, given, barrier)).of(part):
            return part, passed(layer_of(make), inputs[part.present], share * factor[part.present])

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, range(size)))


def layer_of(make: type[nn.Module]) -> nn.Module:
    layer = make(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -2.0, 0.5]))  # type: ignore[operator, union-attr]
        layer.bias.copy_(torch.tensor([0.0, 1.0, 2.0]))  # type: ignore[operator, union-attr]
    return layer


@pytest.mark.parametrize("size", [2, 3, 6])
@pytest.mark.parametrize(("make", "shape"), [(nn.BatchNorm1d, (5, 3)), (nn.BatchNorm2d, (5, 3, 2, 4))])
def test_outputs_gradients_and_statistics_are_those_of_the_whole_batch(
    make: type[nn.Module], shape: tuple[int, ...], size: int
) -> None:
    source = torch.Generator().manual_seed(0)
    inputs, factor = 100 + torch.randn(shape, generator=source), torch.randn(shape, generator=source)
    expected = passed(layer_of(make), inputs, factor)
    found = in_all(make, inputs, factor, size)
    own = [numbers for part, numbers in found if not part.is_empty]
    assert len(own) == min(size, 5)
    for place in (0, 1):  # outputs, and gradients of inputs
        torch.testing.assert_close(torch.cat([each[place] for each in own]), expected[place], rtol=1e-4, atol=1e-4)
    for place in (2, 3):  # gradients of weight and bias, which the updater adds
        total = torch.stack([numbers[place] for _, numbers in found]).sum(dim=0)
        torch.testing.assert_close(total, expected[place], rtol=1e-4, atol=1e-4)
    for _, numbers in found:
        torch.testing.assert_close(numbers[4:], expected[4:], rtol=1e-5, atol=1e-6)
        assert torch.equal(numbers[4], found[0][1][4])


def test_statistics_by_hand() -> None:
    given, barrier = [torch.zeros(0)] * 2, threading.Barrier(2)

    def work(rank: int) -> list[float]:
        own = nn.BatchNorm1d(1, affine=False, momentum=0.5)
        rows = torch.tensor([[1.0], [3.0], [8.0]])
        part = BatchPart(0, 1, 3) if rank == 0 else BatchPart(1, 3, 3)
        with WholeBatch(ThreadGroup(rank, 2, given, barrier)).of(part):
            out = own(rows[part.present])
        assert own.running_mean is not None
        assert own.running_var is not None
        return [*out.flatten().tolist(), float(own.running_mean), float(own.running_var)]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(work, range(2))
    # mean 4, variances 26 / 3 and, unbiased, 13; half of 0 and 4, and of 1 and 13
    assert first == pytest.approx([-3 / (26 / 3) ** 0.5, 2.0, 7.0], abs=1e-5)
    assert second == pytest.approx([-1 / (26 / 3) ** 0.5, 4 / (26 / 3) ** 0.5, 2.0, 7.0], abs=1e-5)


def test_a_batch_of_a_single_value_is_refused_as_torch_does() -> None:
    group = ThreadGroup(0, 1, [torch.zeros(0)], threading.Barrier(1))
    with WholeBatch(group).of(BatchPart(0, 1, 1)), pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(torch.ones(1, 3))


def test_evaluation_uses_the_running_statistics() -> None:
    group = ThreadGroup(0, 1, [torch.zeros(0)], threading.Barrier(2))  # which would wait for ever
    with WholeBatch(group).of(BatchPart(0, 2, 4)):
        out = nn.BatchNorm1d(3).eval()(torch.ones(2, 3))
    torch.testing.assert_close(out, torch.ones(2, 3))


def test_bf16_keeps_its_type() -> None:
    group = ThreadGroup(0, 1, [torch.zeros(0)], threading.Barrier(1))
    inputs = torch.randn(6, 3).bfloat16().requires_grad_()
    with WholeBatch(group).of(BatchPart(0, 6, 6)):
        out = nn.BatchNorm1d(3)(inputs)
    (gradient,) = torch.autograd.grad(out.float().square().sum(), [inputs])
    assert (out.dtype, gradient.dtype) == (torch.bfloat16, torch.bfloat16)
    expected = F.batch_norm(inputs.detach().float(), None, None, training=True)
    torch.testing.assert_close(out.detach().float(), expected, rtol=0.02, atol=0.02)
