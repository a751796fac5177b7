"""Networks and data that are trained on a GPU: the same in plain PyTorch and as overrides of dlrun."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.contestants.ours import MODELS
from benchmarks.networks import Encoder, network

_TEST_ROWS = 64


@dataclass(frozen=True)
class GpuWorkload:
    """A network and rows of random numbers. shape: of one row; rows: of an epoch, rounded down to whole batches."""

    name: str
    shape: tuple[int, ...]
    rows: int
    words: tuple[str, ...]  # overrides that select the same network in dlrun

    @property
    def convolves(self) -> bool:
        """Whether the network is quicker with channels last."""
        return self.name in ("lenet", "resnet")

    def network(self) -> nn.Module:
        """Return a new network in plain PyTorch, with seeded weights."""
        if self.name != "transformer":
            return network(self.name)
        torch.manual_seed(0)
        return Encoder(*self.shape, width=128, heads=4, layers=4)

    def numbers(self, batch_size: int) -> tuple[NDArray[np.uint8 | np.float32], NDArray[np.int64]]:
        """Return rows and labels, (N, *shape) and (N,); images are bytes."""
        random = np.random.default_rng(0)
        count = max(2, self.rows // batch_size) * batch_size
        labels = random.integers(0, 10, count)
        if len(self.shape) == 3:
            return random.integers(0, 256, (count, *self.shape), dtype=np.uint8), labels
        return random.standard_normal((count, *self.shape), dtype=np.float32), labels

    def tensors(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """Return the rows as float32, images scaled to 0..1, and the labels, on the CPU."""
        rows, labels = self.numbers(batch_size)
        inputs = torch.from_numpy(rows)
        return inputs.float().div_(255) if inputs.dtype == torch.uint8 else inputs, torch.from_numpy(labels)

    def write(self, folder: Path, batch_size: int) -> tuple[str, ...]:
        """Write the rows for dlrun, and a few test rows; return the overrides that select rows and network."""
        rows, labels = self.numbers(batch_size)
        train, test = folder / f"{self.name}.npz", folder / f"{self.name}_test.npz"
        if not train.exists():
            np.savez(train, inputs=rows, targets=labels)
            few = np.arange(_TEST_ROWS) % len(labels)
            labels_of_test = labels[few]
            labels_of_test[:10] = np.arange(10)
            np.savez(test, inputs=rows[few], targets=labels_of_test)
        data = ("dataset=arrays", f"dataset.path={train}", f"dataset.test={test}", "dataset.val_fraction=0")
        return (*data, "dataset.baselines=false", *self.words)


_TRANSFORMER = ("model=transformer", "model.width=128", "model.heads=4", "model.layers=4", "model.dropout=0")

GPU_WORKLOADS = {
    "mlp": GpuWorkload("mlp", (1, 28, 28), 32_000, MODELS["mlp"]),
    "lenet": GpuWorkload("lenet", (1, 28, 28), 32_000, MODELS["lenet"]),
    "lstm": GpuWorkload("lstm", (1, 28, 28), 32_000, MODELS["lstm"]),
    "resnet": GpuWorkload("resnet", (3, 32, 32), 16_000, MODELS["resnet"]),
    "transformer": GpuWorkload("transformer", (64, 32), 16_000, _TRANSFORMER),
}
