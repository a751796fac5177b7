"""The device of a run: which one, precision, threads and determinism."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
from dataclasses import dataclass, field

import numpy as np
import torch

from dlrun.configuration.machine import cores
from dlrun.configuration.place import ALONE, Place
from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError, Problem
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.join import join
from dlrun.optim.distributed.own_gpu import check_own_gpus, number_of_gpu
from dlrun.wording import plural

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DEFAULT_THREADS = torch.get_num_threads()
_SHARE_OF_DATA = 0.5  # of a GPU's free memory, for rows; the rest is for the model and its batches


@dataclass(frozen=True)
class Device:
    """The device, precision and number of CPU threads of a run, and the processes that train with this one.

    cores: from which a rule chose the threads.
    """

    torch: torch.device
    precision: str
    threads: int
    cores: int = 1
    group: Group = field(default_factory=Group, compare=False)

    @property
    def is_cpu(self) -> bool:
        """Whether reading a value from a tensor needs no synchronisation."""
        return self.torch.type == "cpu"

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context in which forward passes run in the chosen precision."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        keep = self.group.shards is None  # weights that were cast would stay whole on the device until the step
        return torch.autocast(self.torch.type, dtype=_DTYPES[self.precision], cache_enabled=keep)

    def describe(self, *, is_auto: bool = False) -> str:
        """Return one line, such as "cpu, 2 threads, fp32". is_auto: whether a rule chose the threads."""
        if self.torch.type == "cuda":
            return f"{torch.cuda.get_device_name(self.torch)}, {self.precision}"
        if self.torch.type == "cpu":
            threads = plural(self.threads, "thread")
            return f"cpu, {f'auto ({threads})' if is_auto else threads}, {self.precision}"
        return f"{self.torch.type}, {self.precision}"


def available() -> list[str]:
    """Return the names of the devices that a run can use on this machine, with this build of torch, the best first."""
    found = ["cpu"]
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    return found


def set_up(config: RunConfig, place: Place = ALONE) -> Device:
    """Choose the device, set determinism and seeds of this process for a run and join its group; `use_threads` follows.

    Until then there is one thread: data is loaded and weights are initialised to the same bytes with any number.

    place: of this process among those of the run.
    Raises ConfigError if the device is missing, does not support the precision, or belongs to another process too.
    """
    name = _name_of_device(config)
    device = torch.device(name) if place.is_alone or name != "cuda" else _own_gpu(place)
    if name == "cuda" and config.device_settings.precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise ConfigError(
            Problem(
                "device.precision=bf16",
                f"{torch.cuda.get_device_name()} cannot compute in bf16; use fp16 or fp32.",
                id="no-such-device",
                fix="device.precision=fp16",
            )
        )
    deterministic = config.device_settings.deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # must be set before CUDA starts
    if torch.are_deterministic_algorithms_enabled() != deterministic:  # setting it imports the compiler
        torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic and name == "cuda"
    if name == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # from here on its random state belongs to the run
        torch.cuda.reset_peak_memory_stats(device)  # of a run before this one in the same process
    torch.set_num_threads(1)
    for kind in (np.float32, np.float64):
        np.finfo(
            kind
        )  # NumPy before 2.3 warns if it first looks at a type once denormals are flushed, as pandas makes it
    torch.set_flush_denormal(True)  # numbers below 1e-38 make Adam on CPU up to twice as slow
    seed_everything(config.seed)
    group = join(place, device)
    check_own_gpus(group, device)
    return Device(device, config.device_settings.precision, torch.get_num_threads(), group=group)


def _name_of_device(config: RunConfig) -> str:
    """Return the device that a configuration asks for, or the best.

    Raises ConfigError if it is missing, or is one of Apple's.
    """
    if config.device_name == "mps":
        what = (
            "dlrun adds up losses and metrics in float64, which GPUs of Apple do not have. device=cpu trains on a Mac."
        )
        raise ConfigError(Problem("device=mps", what, id="no-such-device", fix="device=cpu"))
    names = ["cpu"] if config.device_name == "cpu" else available()  # asking for GPUs starts the driver of CUDA
    name = names[0] if config.device_name == "auto" else config.device_name
    if name not in names:
        raise ConfigError(
            Problem(
                f"device={name}",
                f"This machine has no {name} that torch {torch.__version__} can use; it has {', '.join(names)}. "
                "device=auto uses the best.",
                id="no-such-device",
                fix="device=auto",
            )
        )
    return name


def _own_gpu(place: Place) -> torch.device:
    """Return the GPU of one of several processes. Raises ConfigError if this machine has too few."""
    number = number_of_gpu(place, torch.cuda.device_count())
    torch.cuda.set_device(number)
    return torch.device("cuda", number)


def free_memory_of_gpu(device: torch.device) -> int:
    """Return the bytes that are free on a GPU for this process, with those that torch keeps to use them again."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0] + kept)


def room_for_data(device: torch.device) -> int | None:
    """Return how many bytes of a GPU rows may occupy; None for a device that shares the machine's memory."""
    return int(_SHARE_OF_DATA * free_memory_of_gpu(device)) if device.type == "cuda" else None


def use_threads(device: Device, threads: int | None, *, of_cores: int = 1) -> Device:
    """Set the CPU threads of this process and return the device with them; None is torch's own number.

    of_cores: that the run may use, from which a rule chose the threads.
    """
    torch.set_num_threads(threads or max(1, _DEFAULT_THREADS // device.group.local_size))
    return dataclasses.replace(device, threads=torch.get_num_threads(), cores=of_cores)


def own_cores(*, processes: int = 1) -> int:
    """Return how many cores a run may use: as many as torch has threads (OMP_NUM_THREADS), or a container.

    processes: of the run on this machine, which share them.
    """
    return max(1, min(_DEFAULT_THREADS, cores()) // processes)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def synchronise(device: torch.device) -> None:
    """Wait until the device has finished its work, so that time measurements are correct."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
