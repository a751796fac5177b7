"""The environment of a run: versions, machine, devices and threads."""

from __future__ import annotations

import functools
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from dlrun.version import __version__

NUMERIC_PACKAGES = ("numpy", "pyarrow", "pillow", "safetensors", "hydra-core", "omegaconf")
"""Those that read data or a configuration; `torch` is named by itself."""

PACKAGES = ("torch", *NUMERIC_PACKAGES, "rich", "tensorboard")


def versions() -> dict[str, str]:
    """Return the installed version of each package that dlrun uses."""
    return {"dlrun": __version__, "python": platform.python_version(), **_versions_of(PACKAGES)}


@functools.cache
def _versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the version of each of these packages that is installed; reading them takes 10 ms."""
    found = {}
    for name in packages:
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


def describe_run(
    numeric: Mapping[str, Any], *, device_settings: Mapping[str, Any], packages: Iterable[str] = NUMERIC_PACKAGES
) -> dict[str, Any]:
    """Return what a result says of its environment: what `collect_numeric` found, the precision, and versions.

    device_settings: the `device` node of the configuration.
    """
    import torch

    found = dict(numeric)
    if str(numeric["device"]).startswith("cuda"):
        found["accelerator"] = torch.cuda.get_device_name(str(numeric["device"]))
    settings = ("precision", "compile", "deterministic", "strategy", "processes")
    found.update({name: device_settings[name] for name in settings if name in device_settings})
    installed = versions()
    return {**found, "packages": {name: installed[name] for name in packages if name in installed}}
