"""Evaluation mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A context in which a task or model is in evaluation mode; afterwards it has the mode from before."""
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
