"""A plugin whose model fails in one process of a run, at its n-th training step: FAIL="rank how step"."""

import os
import signal
import sys

import torch
from torch import nn


def failing(spec, *, width: int = 8):
    """Two layers with dropout."""
    return Failing(spec, width)


class Failing(nn.Module):
    def __init__(self, spec, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(spec.num_features, width), nn.ReLU(), nn.Dropout(0.3), nn.Linear(width, spec.num_outputs)
        )
        rank, self.how, step = (os.environ.get("FAIL") or "-1 - 0").split()
        self.is_it, self.step, self.calls = os.environ.get("RANK", "0") == rank, int(step), 0

    def forward(self, x):
        if self.training and torch.is_grad_enabled():
            self.calls += 1
            if self.is_it and self.calls == self.step:
                self.fail()
        return self.layers(x)

    def fail(self):
        if self.how == "kill" and os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        if self.how == "hang":
            print("hanging", flush=True)
            signal.pause()
        if self.how == "raise":
            print("about to raise", flush=True)
            raise KeyError("a column")
        if self.how == "exit":
            sys.exit(3)
