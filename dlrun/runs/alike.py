"""Whether the processes that train one model together really train the same: versions, configuration and data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch

from dlrun.errors import ConfigError, DataError, DlrunError
from dlrun.training.build import Components
from dlrun.version import __version__
from dlrun.wording import show

_MOST_KEYS = 6


def check_alike(components: Components) -> None:
    """Compare what all processes of a run have; a collective call.

    Raises, in all of them, ConfigError that names the first process with other versions or settings than rank 0, or
    DataError if it has other data.
    """
    group, config = components.device.group, components.config
    if group.is_alone:
        return
    own = {
        "dlrun": __version__,
        "torch": torch.__version__,
        "configuration": config.sha256,
        "data": components.data.fingerprint,
    }
    found = group.gathered(own)
    rank = next((rank for rank, facts in enumerate(found) if facts != found[0]), None)
    if rank is None:
        return
    trees = group.gathered(json.loads(json.dumps({**config.tree, "recipe": None, "resume": None})))
    raise _error(rank, group.hosts[rank], (found[0], found[rank]), (trees[0], trees[rank]))


def _error(
    rank: int,
    host: str,
    facts: tuple[Mapping[str, str], Mapping[str, str]],
    trees: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> DlrunError:
    """Return the error for a process that differs. facts and trees: of rank 0, and of it."""
    first, other = facts
    who = f"Rank {rank} (on {host}) would not train the same as rank 0"
    for package in ("dlrun", "torch"):
        if first[package] != other[package]:
            what = f"it has {package} {other[package]}, and rank 0 has {first[package]}. Install the same on all."
            return ConfigError(f"{who}: {what}", id="processes")
    if first["configuration"] != other["configuration"]:
        keys = _different(*trees)
        told = "; ".join(
            f"{key} is {show(there)}, and {show(here)} on rank 0" for key, here, there in keys[:_MOST_KEYS]
        )
        more = f"; and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
        return ConfigError(f"{who}: {told}{more}. Start all processes with the same command.", id="processes")
    what = f"its data has the fingerprint {other['data'][:12]}, and that of rank 0 has {first['data'][:12]}"
    cure = "Give all of them the same files; random numbers of a plugin's dataset need a seed"
    return DataError(f"{who}: {what}. {cure}.")


def _different(first: Any, other: Any, key: str = "") -> list[tuple[str, Any, Any]]:
    """Return each dotted key with different values, and both of them."""
    if not isinstance(first, dict) or not isinstance(other, dict):
        return [] if first == other else [(key, first, other)]
    names = [*first, *(name for name in other if name not in first)]
    return [
        found
        for name in names
        for found in _different(first.get(name), other.get(name), f"{key}.{name}" if key else name)
    ]
