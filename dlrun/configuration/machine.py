"""What a configuration asks of this machine: threads and processes that it cannot bear, told before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.errors import Problem
from dlrun.wording import plural

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # microseconds of each period, or "max"; and the period

MOST_PER_CORE = 16
"""Measured on two cores: 512 threads a core still train, 1,000,000 end the process; a loading process needs 50 MB."""

_KEYS = {
    ("device", "threads"): "auto chooses",
    ("device", "processes"): "1 trains in one process",
    ("trainer", "workers"): "0 loads without any",
}


def cores() -> int:
    """Return how many cores this process may use: the machine's, or fewer by its affinity or a container's limit."""
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(found, _limit() or found))


def _limit() -> int | None:
    """The cores that a container's control group may use at once, rounded up; None without a limit."""
    try:
        quota, period = _CPU_MAX.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None  # no such file: not in a control group of version 2
    return -(-int(quota) // int(period)) if quota.isdigit() and period.isdigit() and int(period) else None


def find_excesses(tree: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each number of threads or processes that is far beyond the machine's cores."""
    found = cores()
    most = MOST_PER_CORE * found
    return [
        Problem(
            f"{group}.{name}={tree[group][name]}",
            f"This machine has {plural(found, 'core')}: expected at most {most} ({MOST_PER_CORE} per "
            f"core); {alternative}.",
            "wrong-value",
            fix=f"{group}.{name}={alternative.split()[0]}",
        )
        for (group, name), alternative in _KEYS.items()
        if isinstance(number := tree[group][name], int) and number > most
    ]


def notices(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a notice for more threads than cores, which wait for each other."""
    threads, found = tree["device"]["threads"], cores()
    if not isinstance(threads, int) or threads <= found:
        return ()
    what = f"device.threads={threads}, and this machine has {plural(found, 'core')}"
    return (f"{what}: threads wait for each other; device.threads=auto is faster.",)
