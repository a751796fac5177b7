"""Hugging Face Accelerate around the plain loop."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("accelerate", "torch")


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    inputs, labels = map(torch.from_numpy, floats(workload))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH_SIZE, shuffle=True)
    model = network(workload.name)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    criterion = nn.CrossEntropyLoss()
    seconds = []
    for _ in range(workload.epochs):
        started = time.perf_counter()
        for batch, targets in loader:
            optimizer.zero_grad()
            accelerator.backward(criterion(model(batch), targets))
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds
