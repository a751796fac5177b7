"""dlrun with its defaults, which choose the threads too."""

from __future__ import annotations

from benchmarks.contestants import ours
from benchmarks.workload import Workload

PACKAGES = ours.PACKAGES


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    return ours.train(workload, threads="auto")
