"""A run's state as a checkpoint holds it: gathered from, and put back into, the live objects."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlrun.checkpoint import Snapshot
from dlrun.errors import StorageError
from dlrun.progress import Progress, RunningMeans
from dlrun.schedule import Schedule
from dlrun.task import Task
from dlrun.updater import Updater


def capture(
    task: Task,
    updater: Updater,
    schedule: Schedule,
    progress: Progress,
    means: RunningMeans,
    *,
    about: Mapping[str, Any],
) -> Snapshot:
    """Copies of everything the run's future depends on. `about` says which run and environment it was."""
    optimizer_tensors, optimizer_values = _optimizer_state(updater)
    random_tensors, random_values = _random_state()
    return Snapshot(
        step=progress.step,
        tensors={
            "model": {name: _copy(tensor) for name, tensor in task.weights().state_dict().items()},
            "optimizer": optimizer_tensors,
            "random": random_tensors,
        },
        values={
            "progress": progress.state(),
            "means": means.state(),
            "schedule": schedule.state(),
            "optimizer": optimizer_values,
            "scalers": {name: scaler.state_dict() for name, scaler in updater.scalers.items()},
            "random": random_values,
            "about": dict(about),
        },
    )


def restore(snapshot: Snapshot, task: Task, updater: Updater, schedule: Schedule, means: RunningMeans) -> Progress:
    """Put a snapshot's state into the live objects; returns where the run stood."""
    load_weights(task, snapshot)
    _restore_optimizers(updater, snapshot)
    for name, state in snapshot.values["scalers"].items():
        if name in updater.scalers:
            updater.scalers[name].load_state_dict(state)
    schedule.restore(snapshot.values["schedule"])
    means.restore(snapshot.values["means"], next(task.parameters()).device)
    _restore_random(snapshot)
    return Progress.restored(snapshot.values["progress"])


def load_weights(task: Task, snapshot: Snapshot) -> None:
    """The weights alone, for evaluation.

    Raises StorageError when they belong to another model.
    """
    try:
        task.weights().load_state_dict(dict(snapshot.tensors["model"]))
    except RuntimeError as error:
        raise StorageError(
            f"The checkpoint of step {snapshot.step} holds the weights of another model: {error}"
        ) from error


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _optimizer_state(updater: Updater) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for name, optimizer in updater.optimizers.items():
        for number, parameter in enumerate(_parameters(optimizer)):
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
        for number, parameter in enumerate(_parameters(optimizer)):
            prefix = f"{name}.{number}."
            for place, value in stored.items():
                if place.startswith(prefix):
                    key = place.removeprefix(prefix)
                    if isinstance(value, Tensor) and value.shape == parameter.shape and key != "step":
                        value = torch.empty_like(parameter).copy_(value)  # laid out as the parameter is
                    elif isinstance(value, Tensor) and key != "step":
                        value = value.to(device=parameter.device)
                    elif isinstance(value, Tensor):  # fused optimizers count steps on the device
                        fused = bool(optimizer.param_groups[0].get("fused")) and parameter.device.type != "cpu"
                        value = value.to(parameter.device) if fused else value
                    optimizer.state[parameter][key] = value


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _random_state() -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors.update({f"cuda.{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())})
    kind, keys, *rest = np.random.get_state()
    version, internal, gauss = random.getstate()
    return tensors, {"numpy": [kind, np.asarray(keys).tolist(), *rest], "python": [version, list(internal), gauss]}


def _restore_random(snapshot: Snapshot) -> None:
    tensors, values = snapshot.tensors["random"], snapshot.values["random"]
    torch.set_rng_state(tensors["torch"])
    cuda = [tensors[name] for name in sorted(tensors) if name.startswith("cuda.")]
    if cuda and torch.cuda.is_available() and len(cuda) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(cuda)
    kind, keys, *rest = values["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    version, internal, gauss = values["python"]
    random.setstate((version, tuple(internal), gauss))
