"""How many processes train a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from dlrun.configuration.place import Place
from dlrun.configuration.run_config import RunConfig

_GPU_FILES = ("nvidia[0-9]*", "kfd")  # of NVIDIA and AMD, in /dev


def processes_to_start(config: RunConfig, place: Place) -> int:
    """Return how many processes this one has to start for a run; 1 if it trains the run itself.

    place: of this process; what another launcher started starts no more.
    """
    if place.is_launched:
        return 1
    asked = config.device_settings.processes
    return asked if isinstance(asked, int) else _one_for_each_gpu(config.device_name)


def _one_for_each_gpu(device_name: str, devices: Path = Path("/dev")) -> int:
    """Return how many GPUs torch can use, at least 1; it is asked only where the system has files of GPUs."""
    if device_name not in ("auto", "cuda") or sys.platform != "linux":
        return 1
    if not any(True for pattern in _GPU_FILES for _ in devices.glob(pattern)):
        return 1
    import torch

    return max(1, torch.cuda.device_count())


def notices_of_number(
    config: RunConfig, place: Place, *, trains_alone: bool = False, environment: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Return a notice if another number of processes trains than the configuration or the user seems to ask for.

    trains_alone: whether one process does all the same, to verify a recipe. environment: of this process.
    """
    asked = config.device_settings.processes
    tasks = environment.get("SLURM_STEP_NUM_TASKS", "1")
    if not place.is_launched and tasks.isdecimal() and int(tasks) > 1 and environment.get("SLURM_PROCID") == "0":
        return (
            f"srun started {tasks} tasks of this command (SLURM_STEP_NUM_TASKS), and each trains a run of its own; to "
            "train one run together, let srun start torchrun in each (docs/distributed.md).",
        )
    if trains_alone and asked != 1:
        return (
            f"device.processes={asked} is not needed to verify: one process trains it, and its config.yaml says 1.",
        )
    if not place.is_launched and config.device_settings.strategy == "fsdp":
        what = "device.strategy=fsdp shares out a model among several processes, and this run has one"
        return (f"{what}, which has all of it; device.processes=N starts N.",)
    if not place.is_launched or not isinstance(asked, int) or asked in (1, place.size):
        return ()
    how = "they train this run together" if place.size > 1 else "it trains this run alone"
    return (f"device.processes={asked}, but the launcher started {place.size}: {how}.",)
