"""The work of a training step, counted while a few rows go through the model: what `device.threads=auto` decides by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.threads import Work
from dlrun.data.prepare import DataBundle
from dlrun.optim.device import Device
from dlrun.tasks.copies import copy_of
from dlrun.tasks.task import Task
from dlrun.training.sample_step import sample_step, usual_rows

NO_WORK = Work(0, 0, 0, 0)
"""Of a step on another device, which the CPU's threads do not shorten."""


def work_of(task: Task, data: DataBundle, config: RunConfig, device: Device, *, files: Sequence[Path] = ()) -> Work:
    """Return the work of a training step on this process's rows of a batch; NO_WORK on a device that is not the CPU.

    It is counted on a few rows of usual length and scaled up. The task and torch's random states stay unchanged.
    files: of the user, whose lines an error names. Raises ConfigError if a training step fails.
    """
    if not device.is_cpu:
        return NO_WORK
    batch = usual_rows(data, config)
    rows, counted = len(batch.targets), _Counting()
    sample_step(copy_of(task), batch, config, device, files=files, within=counted)
    batch_size = -(-min(config.trainer.batch_size, len(data.train)) // device.group.size)  # rows of this process
    return Work(
        operations=counted.operations * batch_size // rows,
        products=counted.products,
        activations=counted.activations * batch_size // rows,
        weights=sum(each.numel() for each in task.parameters() if each.requires_grad),
    )


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations of products, products, and numbers computed, while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.products = self.activations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip the compiler, torch would import it, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        results = [each for each in (found if isinstance(found, tuple | list) else (found,)) if _is_number(each)]
        count = _OPERATIONS.get(func.overloadpacket)
        if count is not None and results:
            self.products += 1
            self.operations += count(args, results[0])
        if not func.is_view:
            self.activations += sum(each.numel() for each in results)
        return found


def _is_number(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _of_matrices(args: Sequence[Any], result: Tensor) -> int:
    """(..., M, K) x (..., K, N) -> (..., M, N); the factors come after what is added, if anything is."""
    first = args[0] if len(args) == 2 else args[1]
    return 2 * result.numel() * int(first.shape[-1])


def _of_convolution(args: Sequence[Any], result: Tensor) -> int:
    inputs, weight, is_transposed = args[0], args[1], bool(args[6])
    each = math.prod(weight.shape[1:])  # (O, I / groups, ...), or (I, O / groups, ...) if transposed
    return 2 * int(each * (inputs.numel() if is_transposed else result.numel()))


def _of_attention(args: Sequence[Any], result: Tensor) -> int:
    """(B, H, L, E), (B, H, S, E), (B, H, S, E) -> (B, H, L, E): two products of L x S x E."""
    return 4 * result.numel() * int(args[1].shape[-2])


def _of_recurrent_layer(args: Sequence[Any], result: Tensor) -> int:
    inputs, of_input, of_state = args[:3]  # (T, B, I), (4 * H, I), (4 * H, H)
    return 2 * int(inputs.shape[0] * inputs.shape[1] * (of_input.numel() + of_state.numel()))


_OPERATIONS: Mapping[Any, Callable[[Sequence[Any], Tensor], int]] = {
    torch.ops.aten.mm: _of_matrices,
    torch.ops.aten.addmm: _of_matrices,
    torch.ops.aten.bmm: _of_matrices,
    torch.ops.aten.baddbmm: _of_matrices,
    torch.ops.aten.convolution: _of_convolution,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _of_attention,
    torch.ops.aten.mkldnn_rnn_layer: _of_recurrent_layer,
}
