"""Loops over one network on a GPU, written by hand: as tutorials do it, and as quick as plain PyTorch allows."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.gpu_workloads import GpuWorkload
from benchmarks.workload import LEARNING_RATE

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_WARM_UP = 10  # steps that are not timed: they allocate, and choose kernels
_FIRST_CHUNK = 10

Step = Callable[[], None]
"""Take one step of training."""


def wait_for(device: torch.device) -> None:
    """Wait until the device is done, so that times are true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_per_step(step: Step, device: torch.device, *, seconds: float) -> float:
    """Return the seconds of a step: of at least `seconds`, in chunks that double, so that waiting costs nothing."""
    for _ in range(_WARM_UP):
        step()
    wait_for(device)
    count, chunk, started = 0, _FIRST_CHUNK, time.perf_counter()
    while True:
        for _ in range(chunk):
            step()
        wait_for(device)
        count += chunk
        spent = time.perf_counter() - started
        if spent >= seconds:
            return spent / count
        chunk = min(chunk * 2, 1000)


class _Training:
    """A network, its optimizer and the precision; `step` trains on one batch."""

    def __init__(self, workload: GpuWorkload, device: torch.device, precision: str, *, fused: bool, **options: Any):
        self.device, self._precision = device, precision
        self.model = workload.network().to(device)
        if fused and workload.convolves:
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LEARNING_RATE, fused=fused, **options)
        self.scaler = torch.amp.GradScaler(device.type) if precision == "fp16" else None

    def _autocast(self) -> contextlib.AbstractContextManager[object]:
        if self._precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=_DTYPES[self._precision])

    def backward(self, inputs: Tensor, labels: Tensor) -> None:
        """Compute the gradients of a batch."""
        self.optimizer.zero_grad()
        with self._autocast():
            loss = F.cross_entropy(self.model(inputs), labels)
        (loss if self.scaler is None else self.scaler.scale(loss)).backward()

    def update(self) -> None:
        """Take the optimizer's step."""
        if self.scaler is None:
            self.optimizer.step()
        else:
            self.scaler.step(self.optimizer)
            self.scaler.update()

    def step(self, inputs: Tensor, labels: Tensor) -> None:
        """Train on one batch."""
        self.backward(inputs, labels)
        self.update()


def plain(workload: GpuWorkload, device: torch.device, precision: str, batch_size: int) -> Step:
    """The loop of tutorials: a DataLoader, each batch copied to the device."""
    torch.backends.cudnn.benchmark = False
    training = _Training(workload, device, precision, fused=False)
    loader = DataLoader(TensorDataset(*workload.tensors(batch_size)), batch_size=batch_size, shuffle=True)

    def batches() -> Iterator[list[Tensor]]:
        while True:
            yield from loader

    found = batches()

    def step() -> None:
        inputs, labels = next(found)
        training.step(inputs.to(device), labels.to(device))

    return step


def _on_device(workload: GpuWorkload, device: torch.device, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of rows that lie on the device, epoch after epoch, in an order drawn there."""
    inputs, labels = (tensor.to(device) for tensor in workload.tensors(batch_size))
    if workload.convolves:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    while True:
        for rows in torch.randperm(len(labels), device=device).split(batch_size):
            yield inputs.index_select(0, rows), labels.index_select(0, rows)


def by_hand(workload: GpuWorkload, device: torch.device, precision: str, batch_size: int) -> Step:
    """Rows on the device, fused Adam, channels last for convolutions, nothing read back."""
    torch.backends.cudnn.benchmark = True
    training = _Training(workload, device, precision, fused=True)
    batches = _on_device(workload, device, batch_size)
    return lambda: training.step(*next(batches))


def graphed(workload: GpuWorkload, device: torch.device, precision: str, batch_size: int) -> Step:
    """The same, captured as a CUDA graph; fp16 takes the optimizer's step outside, as torch's manual advises."""
    torch.backends.cudnn.benchmark = True
    whole = precision != "fp16"
    training = _Training(workload, device, precision, fused=True, capturable=whole)
    batches = _on_device(workload, device, batch_size)
    inputs, labels = (tensor.clone() for tensor in next(batches))
    inside = training.step if whole else training.backward
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(3):
            inside(inputs, labels)
    torch.cuda.current_stream(device).wait_stream(side)
    training.optimizer.zero_grad()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        inside(inputs, labels)

    def step() -> None:
        for held, found in zip((inputs, labels), next(batches), strict=True):
            held.copy_(found)
        graph.replay()
        if not whole:
            training.update()

    return step


LOOPS: dict[str, Callable[[GpuWorkload, torch.device, str, int], Step]] = {
    "plain loop": plain,
    "by hand": by_hand,
    "by hand, graph": graphed,
}
