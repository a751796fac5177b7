"""How much memory a run needs, part by part, and whether the machine has it: known before anything is trained.

Which parts exist at the same moment follows from the trainer: a step holds weights, optimizer states, and activations
or gradients; saving holds weights, states, a copy of both, and the bytes that are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.configuration.run_config import RunConfig
from dlrun.data.loading.reader import available_memory
from dlrun.data.loading.split import MemorySplit
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import Batch
from dlrun.optim.device import Device, free_memory_of_gpu
from dlrun.tasks.copies import copy_of
from dlrun.tasks.task import Task
from dlrun.training.optimizer_states import BuildOptimizers, state_bytes
from dlrun.training.sample_step import longest_rows, sample_step
from dlrun.training.shapes import describe_module

_LIBRARIES = 32 << 20  # code and buffers that torch uses from its first step on: 6 to 80 MiB were measured
_SHOWN_PARTS = 3


@dataclass(frozen=True)
class LargestLayer:
    """The layer that holds the most weights. description: its name and class; count: its weights."""

    description: str
    count: int


@dataclass(frozen=True)
class Memory:
    """Bytes of each part of a run. `peak` is the estimate, `needed` the least: what is certainly held at one moment.

    checkpoint: a copy of weights and states, and the bytes of its files while they are written; on the CPU it shares
    the device's memory. activations: of one training batch, until its backward pass; 0 until a batch was measured, as
    are `backward`, the gradients of the largest activations, and `evaluation`, one evaluation batch.
    processes: that train the model together; all numbers are of one of them. is_part: whether it has a part of the
    model; `gathered` is then what is put together for a moment, and `built` the whole model, on the host.
    data: rows in memory. They are loaded already and not part of the sums, as `free` does not count them.
    """

    weights: int  # with buffers
    gradients: int
    states: int  # of the optimizer
    average: int  # of the weights (trainer.ema)
    checkpoint: int
    data: int
    free: int  # of the device
    free_on_host: int
    is_on_cpu: bool
    num_weights: int
    largest: LargestLayer
    activations: int = 0
    backward: int = 0
    evaluation: int = 0
    processes: int = 1
    is_part: bool = False
    gathered: int = 0
    built: int = 0

    @property
    def resident(self) -> int:
        """What is held from the second step on, all the time."""
        return self.weights + self.states + self.average

    @property
    def needed(self) -> int:
        """The most that is certainly held on the device at one moment."""
        copied = self.is_on_cpu and not self.is_part
        start = self.weights if copied else 0  # a copy, until the first checkpoint: to explain a divergence
        step = self.resident + start + self.gathered + max(self.gradients, self.activations)
        saving = self.resident + (self.checkpoint if self.is_on_cpu else 0)
        return max(step, saving)

    @property
    def peak(self) -> int:
        """The estimated peak on the device: a checkpoint is written while training goes on."""
        step = self.gathered + self.gradients + self.activations + self.backward
        return _LIBRARIES + self.resident + max(step, self.evaluation) + (self.checkpoint if self.is_on_cpu else 0)

    @property
    def fits(self) -> bool:
        """Whether the device, and the machine that writes checkpoints, have what is needed."""
        fits = self.needed <= self.free and (self.is_on_cpu or self.checkpoint <= self.free_on_host)
        return fits and self.built <= self.free_on_host

    @property
    def too_little(self) -> tuple[int, int]:
        """What is needed and what is free where it does not fit: on the device, or else in the machine's memory."""
        if self.needed > self.free:
            return self.needed, self.free
        return max(self.built, 0 if self.is_on_cpu else self.checkpoint), self.free_on_host

    def parts(self) -> list[tuple[str, int]]:
        """Return every part of the sums that is not 0, in words and bytes, the largest first.

        A checkpoint is no part of a GPU's memory, and is one where the machine's is too small for it.
        """
        saves_here = self.is_on_cpu or self.checkpoint > self.free_on_host
        parts = {
            "weights": self.weights,
            "gradients": self.gradients,
            "states of the optimizer": self.states,
            "average of the weights": self.average,
            "weights put together for a moment": self.gathered,
            "a checkpoint while it is written": self.checkpoint if saves_here else 0,
            "activations of a training batch": self.activations + self.backward,
            "an evaluation batch": self.evaluation,
        }
        return sorted(((name, size) for name, size in parts.items() if size), key=lambda part: -part[1])

    def describe(self) -> str:
        """Return one line with the largest parts: `about 120 MiB of 22 GiB free: weights 17 MiB, ...`."""
        parts = ", ".join(f"{name} {in_words(size)}" for name, size in self.parts()[:_SHOWN_PARTS])
        return f"about {in_words(self.peak)} of {in_words(self.free)} free: {parts}"


def in_words(size: int) -> str:
    """Format bytes: 12 KiB, 3.4 MiB, 48 GiB."""
    unit, names = float(size), iter(("B", "KiB", "MiB", "GiB", "TiB"))
    name = next(names)
    while unit >= 1024 and name != "TiB":
        unit, name = unit / 1024, next(names)
    return f"{unit:.1f} {name}" if unit < 10 and name != "B" else f"{unit:,.0f} {name}"


def memory_of(task: Task, data: DataBundle, config: RunConfig, device: Device, optimizers: BuildOptimizers) -> Memory:
    """Return the parts that follow from the weights; the task may be on `meta`.

    Raises ConfigError if the optimizer cannot be built.
    """
    saved = _bytes(task.weights().state_dict().values())
    weights = _bytes([*task.parameters(), *task.buffers()])
    trained = [parameter for parameter in task.parameters() if parameter.requires_grad]
    states = state_bytes(task, optimizers)
    average = 0 if config.trainer.ema is None else _bytes(task.weights().parameters())
    files = [saved, saved, states] if average else [saved, states]  # in the order in which they are written
    encoding = max(sum(files[:number]) + 2 * size for number, size in enumerate(files))
    host = available_memory()
    return Memory(
        weights=weights,
        gradients=_bytes(trained),
        states=states,
        average=average,
        checkpoint=sum(files) + encoding,
        data=sum(_data_bytes(split) for split in data.splits.values()),
        free=_free(device, host),
        free_on_host=host,
        is_on_cpu=device.torch.type != "cuda",
        num_weights=sum(parameter.numel() for parameter in trained),
        largest=_largest_layer(task),
    )


def with_batch(
    memory: Memory, task: Task, data: DataBundle, config: RunConfig, device: Device, *, files: Sequence[Path] = ()
) -> Memory:
    """Return the same with what batches need: measured on a few of the longest rows, in training mode, and scaled up.

    The task and torch's random states stay unchanged. files: of the user, whose lines an error names.
    Raises ConfigError if a training step fails.
    """
    batch = longest_rows(data, config)
    rows = len(batch.targets)
    shared = {id(parameter): parameter for parameter in task.parameters()}  # no weight changes: copies take memory
    copied = copy_of(task, shared)
    saved = _Saved(copied, batch)
    trace = sample_step(copied, batch, config, device, files=files, within=saved.counted())
    batch_size = -(-min(config.trainer.batch_size, len(data.train)) // memory.processes)  # its rows of each batch
    longest = max(len(split) for split in data.splits.values())
    call = trace.largest_call_bytes
    return replace(
        memory,
        activations=saved.fixed + saved.varying * batch_size // rows,
        backward=call * batch_size // rows,
        evaluation=call * min(config.trainer.eval_batch_size, longest) // rows,
    )


class _Saved:
    """Counts the bytes that autograd saves for the backward pass, without those of parameters and buffers.

    varying: of the batch and tensors that grow with it. fixed: of copies of weights, as autocast makes.
    """

    def __init__(self, task: nn.Module, batch: Batch) -> None:
        own, rows = [*task.parameters(), *task.buffers()], [tensor for tensor in batch if isinstance(tensor, Tensor)]
        self._seen = {tensor.untyped_storage().data_ptr() for tensor in (*own, *rows)}  # rows may be views of all rows
        self._shapes = {shape for tensor in own for shape in (tuple(tensor.shape), tuple(tensor.shape)[::-1])}
        self._held: list[Tensor] = []  # so that no later tensor gets the same memory
        self.varying, self.fixed = _bytes(rows), 0

    def counted(self) -> Any:
        """A context in which saved tensors are counted."""
        return torch.autograd.graph.saved_tensors_hooks(self._pack, _not_unpacked)

    def _pack(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage.data_ptr() in self._seen:
            return
        self._seen.add(storage.data_ptr())
        self._held.append(tensor.detach())
        if tuple(tensor.shape) in self._shapes and tensor.ndim > 1:
            self.fixed += storage.nbytes()
        else:
            self.varying += storage.nbytes()


def _not_unpacked(packed: None) -> Tensor:
    raise RuntimeError("The task ran a backward pass of its own; use update(group, loss).")


def _bytes(tensors: Any) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def _data_bytes(split: Any) -> int:
    tensors = [split.targets, split.lengths, split.weights, split.inputs if isinstance(split, MemorySplit) else None]
    return _bytes(tensor for tensor in tensors if tensor is not None)


def _free(device: Device, host: int) -> int:
    return free_memory_of_gpu(device.torch) if device.torch.type == "cuda" else host


def _largest_layer(task: Task) -> LargestLayer:
    best = LargestLayer("", 0)
    for name, module in task.weights().named_modules():
        count = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if count > best.count:
            best = LargestLayer(describe_module(name, module), count)
    return best
