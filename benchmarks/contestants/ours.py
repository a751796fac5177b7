"""dlrun with its defaults: progress, metrics, logging, checkpoints."""

from __future__ import annotations

import itertools
import json
import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, images

PACKAGES = ("dlrun", "torch")

MODELS = {
    "mlp": ("model=mlp", "model.hidden=[128,128]"),
    "lenet": (
        "model=cnn", "model.channels=[6,16]", "model.kernel=5", "model.padding=valid", "model.hidden=[120,84]",
        "model.norm=none", "model.dropout=0", "dataset.augment.shift=0",
    ),
    "lstm": ("model=rnn", "model.cell=lstm", "model.hidden=128", "model.dropout=0"),
    "resnet": ("model=resnet", "dataset.augment.shift=0"),
}  # fmt: skip


def train(workload: Workload, *, threads: str | None = None) -> list[float]:
    """Train and return the seconds of each epoch. threads: device.threads; None: as many as the other contestants."""
    with tempfile.TemporaryDirectory() as folder:
        words = (*write_images(workload, Path(folder)), *MODELS[workload.name])
        return run(words, workload, Path(folder), threads=threads)


def run(words: Sequence[str], workload: Workload, folder: Path, *, threads: str | None = None) -> list[float]:
    """Train and return the seconds of each epoch, the time between two rows of metrics.jsonl.

    The first epoch starts when the trainer is built; saving after an epoch counts in the next one. There are no
    validation rows, because no other contestant evaluates.
    """
    from dlrun.cli.main import main

    os.environ.setdefault("CI", "1")  # plain lines instead of the live display
    code = main(
        [
            *words, f"trainer.batch_size={BATCH_SIZE}", f"optimizer.lr={LEARNING_RATE}", "optimizer=adam",
            f"trainer.epochs={workload.epochs}", f"device.threads={threads or torch.get_num_threads()}", "device=cpu",
            "dataset.val_fraction=0", f"hydra.run.dir={folder}/run",
        ]
    )  # fmt: skip
    if code:
        raise RuntimeError(f"dlrun ended with {code}")
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    ends = [row["seconds"] for row in rows if "lr" not in row]
    return [after - before for before, after in itertools.pairwise([0.0, *ends])]


def write_images(workload: Workload, folder: Path) -> tuple[str, ...]:
    """Write the workload's images in the format of MNIST or CIFAR-10; return the overrides that select them."""
    pixels, labels = images(workload)
    small = slice(0, 100)
    if workload.name == "resnet":
        rows = np.concatenate(
            [labels[:, None].astype(np.uint8), pixels.transpose(0, 3, 1, 2).reshape(-1, 3072)], axis=1
        )
        for number, part in enumerate(np.array_split(rows, 5), start=1):
            (folder / f"data_batch_{number}.bin").write_bytes(part.tobytes())
        (folder / "test_batch.bin").write_bytes(rows[small].tobytes())
        return ("dataset=cifar10", f"dataset.root={folder}")
    for name, part in (("train", slice(None)), ("t10k", small)):
        head = struct.pack(">IIII", 2051, len(pixels[part]), 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(head + pixels[part].tobytes())
        head = struct.pack(">II", 2049, len(labels[part]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(head + labels[part].astype(np.uint8).tobytes())
    return ("dataset=mnist", f"dataset.root={folder}")
