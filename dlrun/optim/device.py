"""The device: which one, in which precision, with how many threads, and how repeatable."""

from __future__ import annotations

import contextlib
import os
import random
from dataclasses import dataclass

import numpy as np
import torch

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError, Problem

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DEFAULT_THREADS = torch.get_num_threads()


@dataclass(frozen=True)
class Device:
    """Where a run computes, and how."""

    torch: torch.device
    precision: str
    threads: int

    @property
    def is_cpu(self) -> bool:
        """Whether reading a number off a tensor costs no waiting."""
        return self.torch.type == "cpu"

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """The context in which forward passes run in the chosen precision."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.torch.type, dtype=_DTYPES[self.precision])

    def describe(self) -> str:
        """One line: "cpu, 2 threads, fp32"."""
        if self.torch.type == "cuda":
            return f"{torch.cuda.get_device_name(self.torch)}, {self.precision}"
        if self.torch.type == "cpu":
            return f"cpu, {self.threads} thread{'s' if self.threads != 1 else ''}, {self.precision}"
        return f"{self.torch.type}, {self.precision}"


def available() -> list[str]:
    """The devices that this machine and this build of torch can use."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    return found


def set_up(config: RunConfig) -> Device:
    """Choose the device and put the process into the state that the run asks for; every run sets all of it anew.

    Raises ConfigError when the device is not there or cannot do the precision.
    """
    names = available()
    name = names[0] if config.device_name == "auto" else config.device_name
    if name not in names:
        raise ConfigError(
            Problem(
                f"device={name}",
                f"This machine has no {name} that torch {torch.__version__} can use; it has {', '.join(names)}. "
                "device=auto takes the best.",
            )
        )
    device = torch.device(name)
    if name == "cuda" and config.device_settings.precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise ConfigError(
            Problem(
                "device.precision=bf16", f"{torch.cuda.get_device_name()} cannot compute in bf16; use fp16 or fp32."
            )
        )
    deterministic = config.device_settings.deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # must stand before CUDA starts
    if (
        torch.are_deterministic_algorithms_enabled() != config.device_settings.deterministic
    ):  # setting it loads the compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic and name == "cuda"
    torch.set_num_threads(config.device_settings.threads or _DEFAULT_THREADS)
    torch.set_flush_denormal(True)  # numbers below 1e-38 make Adam on CPU up to twice as slow
    seed_everything(config.seed)
    return Device(device, config.device_settings.precision, torch.get_num_threads())


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given, so that the clock tells the truth."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
