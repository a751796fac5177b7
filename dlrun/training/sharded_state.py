"""The state of a sharded run as a checkpoint of whole tensors, one at a time: no process ever holds all of them.

A checkpoint does not show how many processes wrote it: it has the same files, names and shapes as that of a process
that trains alone. So a run goes on with any number of processes, sharded or not, and every other command reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dlrun.errors import ConfigError, Problem, StorageError
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.part import Part
from dlrun.optim.distributed.shards import Shards, is_sharded, local
from dlrun.optim.distributed.transfer import pieces_in_first, whole_from_first
from dlrun.optim.kernels import parameters_of
from dlrun.storage.background import Saver
from dlrun.storage.checkpoints import Snapshot
from dlrun.storage.tensor_files import Entry, TensorStream
from dlrun.tasks.task import Task
from dlrun.training.state import TrainingState, plain_values, random_state, restore_values, state_value

_Held = tuple[str, Tensor, Part | None]
"""A tensor of a file: its name, what this process has of it, and which part that is; None if it has all of it."""


def save_shards(
    saver: Saver,
    state: TrainingState,
    group: Group,
    metadata: Mapping[str, Any],
    ranks: Sequence[Mapping[str, Any]],
    *,
    is_best: bool,
) -> None:
    """Write the parts of all processes, which wait until the checkpoint is on the disk.

    Raises StorageError in the first process, whose end then ends the others.
    """
    snapshot = capture_shards(state, group, metadata=metadata, ranks=ranks)
    if group.is_first:
        saver.save_at_once(snapshot, is_best=is_best)
    else:
        for stream in snapshot.streams.values():
            stream.drain()
    group.wait()


def capture_shards(
    state: TrainingState, group: Group, *, metadata: Mapping[str, Any], ranks: Sequence[Mapping[str, Any]]
) -> Snapshot:
    """Return a snapshot whose tensors come from all processes while the first one writes it.

    Each of the others calls `drain` of its streams, in their order. Training must wait until all are done.
    """
    files = _weights(state, _shards(group))
    held, values = optimizer_states(state, _shards(group))
    tensors, random_values = random_state()
    streams = {name: _stream(found, group) for name, found in {**files, "optimizer": held}.items()}
    return Snapshot(
        step=state.progress.step,
        tensors={"random": tensors},
        values={
            **plain_values(state, metadata=metadata, ranks=ranks),
            "optimizer": values,
            "random": random_values,
        },
        streams=streams,
    )


def _stream(held: Sequence[_Held], group: Group) -> TensorStream:
    found = sorted(((_entry(*each), each) for each in held), key=lambda pair: pair[0].place)
    return TensorStream([entry for entry, _ in found], partial(_pieces, [each for _, each in found], group))


def _entry(name: str, tensor: Tensor, part: Part | None) -> Entry:
    return Entry(name, tensor.dtype, tuple(tensor.shape) if part is None else part.shape)


def _pieces(held: Sequence[_Held], group: Group) -> Iterator[Tensor]:
    for _, tensor, part in held:
        if part is not None:
            yield from pieces_in_first(tensor, part, group)
        elif group.is_first:
            yield tensor.detach().cpu()


def _shards(group: Group) -> Shards:
    if group.shards is None:
        raise TypeError("The model is not sharded.")
    return group.shards


def _weights(state: TrainingState, shards: Shards) -> dict[str, list[_Held]]:
    """The tensors of the weights' files: "model", and "raw" if that is their average."""
    raw = state.task.weights().state_dict()
    parts = {name: shards.place(tensor) if is_sharded(tensor) else None for name, tensor in raw.items()}
    own = {name: local(tensor) for name, tensor in raw.items()}
    files = {"model": own} if state.ema is None else {"model": state.ema.merged(own), "raw": own}
    return {file: [(name, tensor, parts[name]) for name, tensor in found.items()] for file, found in files.items()}


def optimizer_states(state: TrainingState, shards: Shards) -> tuple[list[_Held], dict[str, Any]]:
    """The tensors of the optimizers' states and their plain values, by `group.parameter number.key`.

    Raises ConfigError if a state has another shape than its parameter: then it is not known which part it is.
    """
    tensors: list[_Held] = []
    values: dict[str, Any] = {}
    for name, optimizer in state.updater.optimizers.items():
        for number, parameter in enumerate(parameters_of(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                place = f"{name}.{number}.{key}"
                if not isinstance(value, Tensor):
                    values[place] = value
                elif value.shape == parameter.shape and key != "step":
                    tensors.append((place, value, shards.place(shards.sharded(parameter))))
                elif value.ndim == 0:
                    tensors.append((place, value, None))
                else:
                    raise _unknown_part(optimizer, key, value)
    return tensors, values


def _unknown_part(optimizer: torch.optim.Optimizer, key: str, value: Tensor) -> ConfigError:
    what = (
        f"The optimizer {type(optimizer).__name__} keeps `{key}` of shape {tuple(value.shape)} for a part of a weight "
        "of another shape, so the states of the processes cannot be put together. Use device.strategy=ddp."
    )
    return ConfigError(Problem("device.strategy=fsdp", what, id="sharding", fix="device.strategy=ddp"))


def restore_shards(snapshot: Snapshot, state: TrainingState, group: Group) -> TrainingState:
    """Copy a snapshot, whose tensors only the first process can read, into the live objects; as `restore` does."""
    has_raw: bool = group.from_first("raw" in snapshot.tensors)
    load_shards(state.task, snapshot, group, file="raw" if has_raw else "model")
    if state.ema is not None:
        averages = dict(zip(state.ema.names, state.ema.averages, strict=True))
        places = {name: _place(each, group) for name, each in state.task.weights().named_parameters()}
        for name, whole in whole_from_first(snapshot.tensors.get("model", {}), group):
            if name in averages:
                averages[name].copy_(places[name](whole))
    _restore_optimizers(state, snapshot, group)
    random = dict(whole_from_first(snapshot.tensors.get("random", {}), group))
    return restore_values(Snapshot(snapshot.step, {"random": random}, snapshot.values), state)


@torch.no_grad()
def load_shards(task: Task, snapshot: Snapshot, group: Group, *, file: str = "model") -> None:
    """Load the weights only, of which each process copies its part.

    Raises StorageError if they belong to another model.
    """
    targets = dict(task.weights().state_dict())
    expected = set(targets)
    for name, whole in whole_from_first(snapshot.tensors.get(file, {}), group):
        target = targets.pop(name, None)
        if target is None or target.shape != whole.shape:
            raise _of_another_model(snapshot, name)
        local(target).copy_(_place(target, group)(whole))
    if targets:
        raise _of_another_model(snapshot, min(expected & set(targets)))


def _of_another_model(snapshot: Snapshot, name: str) -> StorageError:
    what = f"{name} is missing, or of another shape, in one of the two"
    return StorageError(f"The checkpoint of step {snapshot.step} contains the weights of another model: {what}.")


def _place(tensor: Tensor, group: Group) -> Callable[[Tensor], Tensor]:
    """Return what gives this process's part of a whole tensor."""
    return _shards(group).place(tensor).of if is_sharded(tensor) else _all_of


def _all_of(whole: Tensor) -> Tensor:
    return whole


def _restore_optimizers(state: TrainingState, snapshot: Snapshot, group: Group) -> None:
    optimizers = state.updater.optimizers
    parameters = {name: parameters_of(optimizer) for name, optimizer in optimizers.items()}
    for optimizer in optimizers.values():
        optimizer.state.clear()

    def put(place: str, value: Any) -> None:
        name, number, key = place.rsplit(".", 2)
        parameter = parameters[name][int(number)]
        is_fused = bool(optimizers[name].param_groups[0].get("fused"))
        if isinstance(value, Tensor) and value.ndim:
            value = _place(_shards(group).sharded(parameter), group)(value)
        optimizers[name].state[parameter][key] = state_value(value, key, parameter, is_fused=is_fused)

    for place, whole in whole_from_first(snapshot.tensors.get("optimizer", {}), group):
        put(place, whole)
    for place, value in snapshot.values["optimizer"].items():
        put(place, value)
    state.updater.forget()
