"""The environment of a run: versions, machine, devices and threads."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

from dlrun.version import __version__

PACKAGES = ("torch", "numpy", "hydra-core", "omegaconf", "safetensors", "rich", "pillow", "tensorboard")


def versions() -> dict[str, str]:
    """Return the installed version of each package that dlrun uses."""
    found = {"dlrun": __version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the processor's name as the system reports it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def collect() -> dict[str, Any]:
    """Return the whole environment as plain values; imports torch."""
    import torch

    cuda = (
        [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    )
    return {
        "versions": versions(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "gpus": cuda,
        "mps": torch.backends.mps.is_available(),
        "executable": sys.executable,
    }


def collect_numeric(threads: int, device: str) -> dict[str, Any]:
    """Return the part that bitwise equal results depend on; every checkpoint and result contains it."""
    import torch

    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "dlrun": __version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "device": device,
    }
