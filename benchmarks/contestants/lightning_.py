"""Lightning: a LightningModule and a Trainer, with progress bar and checkpoints.

The CSV log and the summary are off, and what it writes after an epoch is not timed: both favour Lightning.
"""

from __future__ import annotations

import logging
import tempfile
import time
import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("lightning", "torch")


def module(name: str) -> Any:
    """Return a LightningModule with a network, its training step and Adam."""
    import lightning as L

    class Module(L.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = network(name)

        def training_step(self, batch, _number):  # type: ignore[no-untyped-def]
            inputs, targets = batch
            loss = F.cross_entropy(self.model(inputs), targets)
            self.log("train_loss", loss, prog_bar=True)
            return loss

        def configure_optimizers(self):  # type: ignore[no-untyped-def]
            return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)

    return Module()


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    import lightning as L

    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Clock(L.Callback):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.seconds: list[float] = []

        def on_train_epoch_start(self, *_: object) -> None:
            self.started = time.perf_counter()

        def on_train_epoch_end(self, *_: object) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    inputs, labels = map(torch.from_numpy, floats(workload))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH_SIZE, shuffle=True)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            max_epochs=workload.epochs, accelerator="cpu", callbacks=[clock], logger=False,
            enable_model_summary=False, default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(module(workload.name), loader)
    return clock.seconds
