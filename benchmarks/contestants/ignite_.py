"""PyTorch-Ignite's supervised trainer with a running average of the loss."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("pytorch-ignite", "torch")


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    from ignite.engine import Events, create_supervised_trainer
    from ignite.metrics import RunningAverage

    inputs, labels = map(torch.from_numpy, floats(workload))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH_SIZE, shuffle=True)
    model = network(workload.name)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    trainer: Any = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
    RunningAverage(output_transform=lambda x: x).attach(trainer, "loss")
    seconds: list[float] = []
    started = [0.0]
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda: started.__setitem__(0, time.perf_counter()))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: seconds.append(time.perf_counter() - started[0]))
    trainer.run(loader, max_epochs=workload.epochs)
    return seconds
