"""Hugging Face's Trainer around a module that returns its loss.

AdamW without weight decay is Adam; gradient clipping, learning rate schedule and progress bar are off.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.networks import network
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload, floats

PACKAGES = ("transformers", "torch")


class _WithLoss(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """(B, ...) and (B,) -> the loss and the logits."""
        logits = self.model(inputs)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    inputs, labels = map(torch.from_numpy, floats(workload))
    rows = [{"inputs": x, "labels": y} for x, y in zip(inputs, labels, strict=True)]
    seconds: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_epoch_begin(self, *_: object, **__: object) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, *_: object, **__: object) -> None:
            seconds.append(time.perf_counter() - self.started)

    with tempfile.TemporaryDirectory() as folder:
        arguments: Any = TrainingArguments(
            folder, per_device_train_batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE,
            num_train_epochs=workload.epochs,
            weight_decay=0.0, max_grad_norm=0.0, lr_scheduler_type="constant",
            use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True, logging_steps=500,
        )  # fmt: skip
        Trainer(_WithLoss(network(workload.name)), arguments, train_dataset=rows, callbacks=[Clock()]).train()
    return seconds
