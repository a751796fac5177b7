"""Which GPU each of several processes trains on, and that no two of them share one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dlrun.configuration.place import Place
from dlrun.errors import ConfigError, Problem
from dlrun.optim.distributed.group import Group
from dlrun.wording import plural


def number_of_gpu(place: Place, visible: int) -> int:
    """Return the number of a process's GPU among those that it sees: of several GPUs, that of its local rank.

    A process that sees one takes it: a launcher such as SLURM (`--gpus-per-task=1`) may hide the others, so that each
    process has another one with the number 0. `check_own_gpus` finds those that have the same.
    visible: how many GPUs the process sees, at least 1.
    Raises ConfigError if there are several, but fewer than processes on this machine.
    """
    if visible == 1:
        return 0
    if place.local_size > visible:
        what = f"This process sees {visible} GPUs, and its machine has {place.local_size} processes; each needs one."
        raise ConfigError(Problem("device.processes", what, id="processes", fix=f"device.processes={visible}"))
    return place.local_rank


def check_own_gpus(group: Group, device: torch.device) -> None:
    """Compare the GPUs of all processes; a collective call, before NCCL's first, which would fail in its own words.

    Raises ConfigError, in all processes, if two of a machine have the same.
    """
    if group.is_alone or device.type != "cuda":
        return
    found = torch.cuda.get_device_properties(device)
    check_different(group.gathered([found.name, _identity(found)]), group.hosts)


def _identity(found: object) -> str:
    """What tells a GPU from the others of its machine: of some of AMD's only the place, and not the UUID."""
    names = ("uuid", "pci_domain_id", "pci_bus_id", "pci_device_id")
    return " ".join(str(getattr(found, name, "")) for name in names)


def check_different(gpus: Sequence[Sequence[str]], hosts: Sequence[str]) -> None:
    """Raise ConfigError if two processes of a machine have the same GPU. gpus: name and identity of each, by rank."""
    ranks: dict[tuple[str, str], list[str]] = {}
    for rank, ((_, identity), host) in enumerate(zip(gpus, hosts, strict=True)):
        ranks.setdefault((host, identity), []).append(str(rank))
    place = next((place for place, sharing in ranks.items() if len(sharing) > 1), None)
    if place is None:
        return
    sharing = ranks[place]
    who, name = f"Ranks {', '.join(sharing[:-1])} and {sharing[-1]}", gpus[int(sharing[0])][0]
    what = (
        f"{who} on {place[0]} would share one GPU ({name}), and each process needs its own. The {len(gpus)} processes "
        f"see {plural(len(ranks), 'GPU')} in all: start as many processes, or let each see another GPU "
        "(CUDA_VISIBLE_DEVICES; in SLURM --gpus-per-task=1)."
    )
    raise ConfigError(Problem("device.processes", what, id="processes", fix=f"device.processes={len(ranks)}"))
