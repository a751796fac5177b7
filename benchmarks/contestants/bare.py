"""An optimized loop: whole-tensor batches, fused Adam, flushed denormals, channels last for convolutions."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("torch",)


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    torch.set_flush_denormal(True)
    inputs, labels = map(torch.from_numpy, floats(workload))
    model = network(workload.name)
    if workload.name in ("lenet", "resnet"):
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    seconds = []
    for _ in range(workload.epochs):
        started = time.perf_counter()
        for rows in torch.randperm(len(labels)).split(BATCH_SIZE):
            optimizer.zero_grad()
            F.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds
