"""The loop of tutorials: a DataLoader over a TensorDataset, Adam, zero_grad, backward, step."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("torch",)


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    inputs, labels = map(torch.from_numpy, floats(workload))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=BATCH_SIZE, shuffle=True)
    model = network(workload.name)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    seconds = []
    for _ in range(workload.epochs):
        started = time.perf_counter()
        model.train()
        for batch, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(batch), targets)
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds
