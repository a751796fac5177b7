"""The line that says which processes train a model together, and what each of them does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from dlrun.configuration.place import Place
from dlrun.optim.device import Device
from dlrun.wording import plural

_MOST_HOSTS = 8


def ranks_line(device: Device, place: Place, *, batch_size: int) -> str:
    """Return what talks to whom and how each batch is divided. place: of this process, which is the first."""
    group, backend = device.group, "gloo" if device.is_cpu else "NCCL"
    hosts = _ranks_by_host(group.hosts)
    where = " on this machine" if len(hosts) == 1 else f" on {len(hosts)} machines"
    least, rest = divmod(batch_size, group.size)
    rows = plural(least, "row") if not rest else f"{least} or {plural(least + 1, 'row')}"
    parts = [
        f"{group.size} processes{where} ({backend}, {place.address})",
        f"{rows} each of batches of {batch_size}",
        f"{plural(device.threads, 'thread')} each" if device.is_cpu else "a GPU each",
    ]
    line = ", ".join(parts)
    if len(hosts) == 1:
        return line
    shown = [f"{host} has {ranks}" for host, ranks in hosts[:_MOST_HOSTS]]
    more = [f"and {len(hosts) - _MOST_HOSTS} more"] if len(hosts) > _MOST_HOSTS else []
    return f"{line}: {', '.join([*shown, *more])}"


def _ranks_by_host(hosts: Sequence[str]) -> list[tuple[str, str]]:
    """Return each host, in the order of its ranks, and these in words."""
    found = []
    for host, ranks in groupby(range(len(hosts)), key=lambda rank: hosts[rank]):
        first, *others = ranks
        found.append((host, f"ranks {first} to {others[-1]}" if others else f"rank {first}"))
    return found
