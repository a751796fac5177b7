"""dlrun.tasks.progress: running means, checked at once on the CPU and read late elsewhere."""

from __future__ import annotations

import torch

from dlrun.tasks.progress import RunningMeans


def test_running_means_check_values_at_once_on_the_cpu() -> None:
    means = RunningMeans(on_cpu=True)
    assert means.add({"loss": torch.tensor(1.0)})
    assert not means.add({"loss": torch.tensor(float("nan"))})
    assert not RunningMeans(on_cpu=True).add({"loss": torch.tensor(float("inf"))})


def test_running_means_on_other_devices_are_read_at_the_end() -> None:
    means = RunningMeans(on_cpu=False)
    for value in (1.0, 2.0, 6.0):
        assert means.add({"loss": torch.tensor(value)})
    other = RunningMeans(on_cpu=False)
    other.restore(means.state(), torch.device("cpu"))
    assert other.take() == ({"loss": 9.0}, 3)
    assert other.take() == ({}, 0)
