"""skorch's NeuralNetClassifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("skorch", "torch")


def classifier(name: str, *, epochs: int) -> Any:
    """Return a classifier without validation split and output."""
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        network(name), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=LEARNING_RATE,
        batch_size=BATCH_SIZE, max_epochs=epochs, iterator_train__shuffle=True, train_split=None, verbose=0,
    )  # fmt: skip


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    net = classifier(workload.name, epochs=workload.epochs)
    net.fit(*floats(workload))
    return [float(seconds) for seconds in net.history[:, "dur"]]
