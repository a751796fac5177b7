"""Checkpoints that the first process of a run reads, and all of them restore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from dlrun.optim.distributed.group import Group
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from dlrun.storage.reading import restoring
from dlrun.tasks.task import Task
from dlrun.training.processes.ranks import restore_rank
from dlrun.training.sharded.state import load_shards, restore_shards
from dlrun.training.state import TrainingState, load_weights, restore


def begin_together(
    snapshot: Snapshot | None, state: TrainingState, group: Group, *, folder: Path
) -> tuple[TrainingState, Snapshot | None]:
    """Return the state that every process begins with, and the checkpoint that it is from, if there is one.

    snapshot: what the first process read in `folder`; without one, all get the weights of the first.
    Raises StorageError if the checkpoint does not fit.
    """
    snapshot = _shared(snapshot, group)
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
    found = cast(Snapshot, _shared(best, group, files=("model",)))  # the first has one
    if group.shards is None:
        load_weights(task, found)
    else:
        load_shards(task, found, group)
    return found


def _shared(snapshot: Snapshot | None, group: Group, *, files: Sequence[str] | None = None) -> Snapshot | None:
    """Return the checkpoint that the first process has read, so that no other needs to see the folder.

    files: which of its tensors are sent; None for all. Those of a sharded model are not sent here: they are read and
    sent one at a time, by `begin_together` and `best_together`.
    """
    if group.is_alone:
        return snapshot
    told = None if snapshot is None else [snapshot.step, snapshot.values, sorted(snapshot.tensors)]
    found = group.from_first(told)
    if found is None:
        return None
    step, values, names = found
    tensors = {} if snapshot is None else snapshot.tensors
    if group.shards is not None:
        return Snapshot(step=step, tensors=tensors, values=values)
    shared = {name: group.tensors_from_first(tensors.get(name, {})) for name in names if files is None or name in files}
    return Snapshot(step=step, tensors=shared, values=values)
