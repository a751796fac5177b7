"""Data and settings that are the same for every contestant."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BATCH_SIZE = 32
LEARNING_RATE = 1e-3


@dataclass(frozen=True)
class Workload:
    """A network and its data. Each epoch is timed; the first is not counted if there are more."""

    name: str
    rows: int
    epochs: int
    kind: Literal["images", "texts"] = "images"


WORKLOADS = {
    "mlp": Workload("mlp", 60_000, 4),
    "lenet": Workload("lenet", 60_000, 3),
    "lstm": Workload("lstm", 12_800, 4),
    "resnet": Workload("resnet", 640, 3),
    "texts": Workload("texts", 5_485, 3, kind="texts"),
}


def images(workload: Workload) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return MNIST from the folder DLRUN_MNIST, or random bytes: (N, 28, 28) or (N, 32, 32, 3), and (N,)."""
    random = np.random.default_rng(0)
    if workload.name == "resnet":
        shape = (workload.rows, 32, 32, 3)
        return random.integers(0, 256, shape, dtype=np.uint8), random.integers(0, 10, workload.rows)
    folder = os.environ.get("DLRUN_MNIST")
    if folder is None:
        shape = (workload.rows, 28, 28)
        return random.integers(0, 256, shape, dtype=np.uint8), random.integers(0, 10, workload.rows)
    raw = gzip.decompress((Path(folder) / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((Path(folder) / "train-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels[: workload.rows].copy(), np.frombuffer(labels, np.uint8, offset=8)[: workload.rows].astype(np.int64)


def floats(workload: Workload) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return `images` as float32 in 0..1, channels first: (N, 1, 28, 28) or (N, 3, 32, 32), and (N,)."""
    pixels, labels = images(workload)
    scaled = pixels.astype(np.float32) / 255
    return (scaled.transpose(0, 3, 1, 2).copy() if scaled.ndim == 4 else scaled[:, None]), labels
