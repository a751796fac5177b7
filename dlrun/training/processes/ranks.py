"""The part of a run's state that differs between its processes: sums of scalars, and random states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dlrun.optim.distributed.group import Group
from dlrun.training.state import TrainingState, random_state, restore_random


def state_of_ranks(state: TrainingState, group: Group) -> list[dict[str, Any]]:
    """Return what each process has of its own, by rank, as plain values; a collective call."""
    tensors, values = random_state()
    generators = {**{name: tensor.tolist() for name, tensor in tensors.items()}, **values}
    found = group.gathered({"means": state.means.state(), **generators})
    first = {name: found[0][name] for name in generators}
    for each in found:  # of equal random states, which are usual, one is enough
        if each is not found[0] and all(each[name] == value for name, value in first.items()):
            for name in first:
                del each[name]
    return found


def restore_rank(ranks: Sequence[Mapping[str, Any]], state: TrainingState, group: Group) -> None:
    """Restore what this process had of its own, after the state of the first was restored.

    Written by another number of processes, sums go to the first one.
    """
    if group.is_alone and len(ranks) < 2:
        return  # written by one process, and restored already
    means = [each["means"] for each in ranks] or [state.means.state()]
    if len(ranks) != group.size:
        own = _added(means, like=means[0]) if group.is_first else _added(means[:0], like=means[0])
        state.means.restore(own, next(state.task.parameters()).device)
        return
    mine = ranks[group.rank]
    state.means.restore(mine["means"], next(state.task.parameters()).device)
    if "torch" in mine:
        states = {name: torch.tensor(mine[name], dtype=torch.uint8) for name in ("torch", "cuda") if name in mine}
        restore_random(states, mine)


def _added(means: Sequence[Mapping[str, Any]], *, like: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sums of several processes added, with the names and the count of one of them."""
    return {"sums": {name: sum(each["sums"][name] for each in means) for name in like["sums"]}, "count": like["count"]}
