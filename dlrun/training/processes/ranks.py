"""The part of a run's state that differs between its processes: sums of scalars, and random states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch

from dlrun.optim.distributed.group import Group
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from dlrun.storage.reading import restoring
from dlrun.tasks.task import Task
from dlrun.training.sharded.state import load_shards, restore_shards
from dlrun.training.state import TrainingState, load_weights, random_state, restore, restore_random


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


def begin_together(
    snapshot: Snapshot | None, state: TrainingState, group: Group, *, folder: Path
) -> tuple[TrainingState, Snapshot | None]:
    """Return the state that every process begins with, and the checkpoint that it is from, if there is one.

    snapshot: what the first process read in `folder`; without one, all get the weights of the first.
    Raises StorageError if the checkpoint does not fit.
    """
    snapshot = share_snapshot(snapshot, group)
    if snapshot is None:
        weights = state.task.parameters() if group.shards is None else ()  # parts of equal weights
        group.copy_from_first([*weights, *state.task.buffers()])
        return state, None
    with restoring(folder):
        state = restore(snapshot, state) if group.shards is None else restore_shards(snapshot, state, group)
        restore_rank(snapshot.values.get("ranks", ()), state, group)
    return state, snapshot


def best_together(store: CheckpointStore, task: Task, group: Group) -> Snapshot:
    """Load the weights of the best checkpoint, which the first process reads, in every process; return it.

    Raises StorageError if it is missing or damaged, or belongs to another model.
    """
    best = store.load_best() if group.is_first else None
    found = cast(Snapshot, share_snapshot(best, group, files=("model",)))  # the first has one
    if group.shards is None:
        load_weights(task, found)
    else:
        load_shards(task, found, group)
    return found


def share_snapshot(snapshot: Snapshot | None, group: Group, *, files: Sequence[str] | None = None) -> Snapshot | None:
    """Return the checkpoint that the first process has read, so that no other needs to see the folder.

    files: which of its tensors are sent; None for all. Those of a sharded model are not sent here: they are read and
    sent one at a time, by `begin_together` and `best_together`.
    """
    if group.is_alone:
        return snapshot
    about = None if snapshot is None else [snapshot.step, snapshot.values, sorted(snapshot.tensors)]
    found = group.from_first(about)
    if found is None:
        return None
    step, values, names = found
    tensors = {} if snapshot is None else snapshot.tensors
    if group.shards is not None:
        return Snapshot(step=step, tensors=tensors, values=values)
    shared = {name: group.tensors_from_first(tensors.get(name, {})) for name in names if files is None or name in files}
    return Snapshot(step=step, tensors=shared, values=values)
