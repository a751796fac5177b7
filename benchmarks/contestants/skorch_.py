"""skorch's NeuralNetClassifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("skorch", "torch")


def train(workload: Workload) -> list[float]:
    """Seconds of each epoch."""
    from skorch import NeuralNetClassifier

    inputs, labels = floats(workload)
    net: Any = NeuralNetClassifier(
        network(workload.name), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=LEARNING_RATE,
        batch_size=BATCH_SIZE, max_epochs=workload.epochs, iterator_train__shuffle=True, train_split=None, verbose=0,
    )  # fmt: skip
    net.fit(inputs, labels)
    return [float(seconds) for seconds in net.history[:, "dur"]]
