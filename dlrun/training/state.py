"""The state of a run: everything that training changes, captured for a checkpoint and restored from one."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlrun.errors import StorageError
from dlrun.optim.ema import WeightAverage
from dlrun.optim.kernels import parameters_of
from dlrun.optim.schedule import Schedule
from dlrun.optim.updater import Updater
from dlrun.storage.checkpoints import Snapshot
from dlrun.tasks.progress import Progress, RunningMeans
from dlrun.tasks.task import Task


@dataclass(frozen=True)
class TrainingState:
    """The live objects that training changes."""

    task: Task
    updater: Updater
    schedule: Schedule
    means: RunningMeans
    ema: WeightAverage | None = None
    progress: Progress = field(default_factory=Progress)


def capture(
    state: TrainingState, *, metadata: Mapping[str, Any], ranks: Sequence[Mapping[str, Any]] | None = None
) -> Snapshot:
    """Copy everything that the rest of the run depends on. metadata: the run and environment, as plain values.

    ranks: what each process has of its own, if several train one model (`dlrun.training.processes.ranks`).
    "model" contains the weights to evaluate and predict with; if they are an average, "raw" contains those in training.
    """
    optimizer_tensors, optimizer_values = _optimizer_state(state.updater)
    random_tensors, random_values = random_state()
    raw = state.task.weights().state_dict()
    weights = {"model": raw} if state.ema is None else {"model": state.ema.merged(raw), "raw": raw}
    return Snapshot(
        step=state.progress.step,
        tensors={
            **{file: {name: _copy(tensor) for name, tensor in tensors.items()} for file, tensors in weights.items()},
            "optimizer": optimizer_tensors,
            "random": random_tensors,
        },
        values={
            **plain_values(state, metadata=metadata, ranks=ranks),
            "optimizer": optimizer_values,
            "random": random_values,
        },
    )


def plain_values(
    state: TrainingState, *, metadata: Mapping[str, Any], ranks: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return what `capture` copies besides tensors, the optimizers' values and random states."""
    return {
        "progress": state.progress.state(),
        "means": state.means.state(),
        "schedule": state.schedule.state(),
        "scalers": {name: scaler.state_dict() for name, scaler in state.updater.scalers.items()},
        "about": dict(metadata),
        **({} if ranks is None else {"ranks": list(ranks)}),
    }


def restore(snapshot: Snapshot, state: TrainingState) -> TrainingState:
    """Copy a snapshot into the live objects; return them with the snapshot's progress."""
    load_weights(state.task, snapshot, file="raw" if "raw" in snapshot.tensors else "model")
    if state.ema is not None:
        state.ema.restore(snapshot.tensors["model"])
    _restore_optimizers(state.updater, snapshot)
    return restore_values(snapshot, state)


def restore_values(snapshot: Snapshot, state: TrainingState) -> TrainingState:
    """Restore what is in no parameter and in no optimizer; return the live objects with the snapshot's progress."""
    updater, schedule, means = state.updater, state.schedule, state.means
    for name, values in snapshot.values["scalers"].items():
        if name in updater.scalers:
            updater.scalers[name].load_state_dict(values)
    schedule.restore(snapshot.values["schedule"])
    means.restore(snapshot.values["means"], next(state.task.parameters()).device)
    restore_random(snapshot.tensors["random"], snapshot.values["random"])
    return dataclasses.replace(state, progress=Progress.restored(snapshot.values["progress"]))


def load_weights(task: Task, snapshot: Snapshot, *, file: str = "model") -> None:
    """Load the weights only, to evaluate or predict.

    Raises StorageError if they belong to another model.
    """
    try:
        task.weights().load_state_dict(dict(snapshot.tensors[file]))
    except RuntimeError as error:
        raise StorageError(
            f"The checkpoint of step {snapshot.step} contains the weights of another model: {error}"
        ) from error


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _optimizer_state(updater: Updater) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the optimizers' state as tensors and plain values, by `group.parameter number.key`."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for name, optimizer in updater.optimizers.items():
        for number, parameter in enumerate(parameters_of(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                place = f"{name}.{number}.{key}"
                if isinstance(value, Tensor):
                    tensors[place] = _copy(value)
                else:
                    values[place] = value
    return tensors, values


def _restore_optimizers(updater: Updater, snapshot: Snapshot) -> None:
    stored = {**snapshot.tensors["optimizer"], **snapshot.values["optimizer"]}
    for name, optimizer in updater.optimizers.items():
        optimizer.state.clear()
        fused = {id(each) for group in optimizer.param_groups if group.get("fused") for each in group["params"]}
        for number, parameter in enumerate(parameters_of(optimizer)):
            prefix = f"{name}.{number}."
            for place, value in stored.items():
                if place.startswith(prefix):
                    key = place.removeprefix(prefix)
                    optimizer.state[parameter][key] = state_value(
                        value, key, parameter, is_fused=id(parameter) in fused
                    )
    updater.forget()


def state_value(value: Any, key: str, parameter: Tensor, *, is_fused: bool) -> Any:
    """Return a stored value as an optimizer keeps it in the state of a parameter, which a fused step may update."""
    if not isinstance(value, Tensor):
        return value
    if key == "step":  # fused optimizers count steps on the device
        return value.to(parameter.device) if is_fused else value
    if value.shape == parameter.shape:
        return torch.empty_like(parameter).copy_(value)  # with the parameter's strides
    return value.to(device=parameter.device)


def random_state() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return a copy of the state of every random generator that a run may use: tensors and plain values.

    Of GPUs, that of this process: the others belong to other processes.
    """
    tensors = {"torch": torch.get_rng_state()}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # asking would start CUDA in a run on the CPU
        tensors["cuda"] = torch.cuda.get_rng_state()
    kind, keys, *rest = np.random.get_state()
    version, internal, gauss = random.getstate()
    return tensors, {"numpy": [kind, np.asarray(keys).tolist(), *rest], "python": [version, list(internal), gauss]}


def restore_random(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    """Restore what `random_state` returned."""
    torch.set_rng_state(tensors["torch"])
    of_gpu = tensors.get("cuda", tensors.get("cuda.0"))  # old checkpoints have one for each GPU; the first one's own
    if of_gpu is not None and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.set_rng_state(of_gpu)
    kind, keys, *rest = values["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    version, internal, gauss = values["python"]
    random.setstate((version, tuple(internal), gauss))
