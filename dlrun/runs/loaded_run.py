"""A run loaded from its folder with its best weights: what predicts, is explained, exported, served and published."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import has_classes
from dlrun.data.prepare import DataBundle
from dlrun.data.source import Encoder, Source
from dlrun.data.spec import DataSpec
from dlrun.errors import DataError, StorageError
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.storage.checkpoints import load_best
from dlrun.storage.reading import restoring
from dlrun.tasks.task import Task
from dlrun.training import state as train_state
from dlrun.training.build import build_task
from dlrun.training.loading import load_data


@dataclass(frozen=True)
class LoadedRun:
    """A run loaded from its folder: the task with its best weights, of step `step`, and the encoder of its inputs.

    fingerprint: of the data that it was trained on.
    """

    config: RunConfig
    device: Device
    spec: DataSpec
    task: Task
    encoder: Encoder | None
    step: int
    fingerprint: str


def load_run(config: RunConfig, catalog: Catalog, folder: Path) -> LoadedRun:
    """Rebuild a run's task and encoder from its best checkpoint, without reading its data.

    Raises StorageError if the checkpoint is missing, damaged or written by a version that stored no spec.
    """
    snapshot = load_best(folder)
    metadata = snapshot.values.get("about")
    if not isinstance(metadata, dict) or "spec" not in metadata:
        what = "written by a version whose checkpoints do not contain what predicting needs; train it again"
        raise StorageError(f"{folder}: {what}.")
    chosen = device.set_up(config)
    with restoring(folder / "checkpoints"):
        spec = DataSpec.restored(metadata["spec"])
        task = build_task(config, catalog, spec).to(chosen.torch)
        train_state.load_weights(task, snapshot)
        fingerprint = str(metadata["fingerprint"])
        encoder = _restore_encoder(metadata, catalog)
    threads = config.device_settings.threads
    chosen = device.use_threads(chosen, 1 if threads == AUTO else threads)  # auto: in a file that was edited
    task.eval()
    return LoadedRun(config, chosen, spec, task, encoder, snapshot.step, fingerprint)


def _restore_encoder(metadata: dict[str, Any], catalog: Catalog) -> Encoder | None:
    """Return the dataset's encoder, restored by the function `encoder` of its option file; None if it has none."""
    if metadata["encoder"] is None:
        return None
    module = sys.modules[catalog.load("dataset", metadata["dataset"]).__module__]
    encoder: Encoder = module.encoder(metadata["encoder"])
    return encoder


def data_of(
    run: LoadedRun, catalog: Catalog, *, see: Callable[[Source, DatasetSettings], None] = lambda source, settings: None
) -> DataBundle:
    """Read the data that a run was trained on again. see: is given the raw rows, as by `load_data`.

    Raises DataError if it is not there, cannot be read or is other data now.
    """
    _, data, _ = load_data(run.config, catalog, run.device, see=see)
    if data.fingerprint != run.fingerprint:
        raise DataError("the data is not what this run was trained on (its fingerprint differs).")
    return data


def target_names(run: LoadedRun) -> Sequence[str]:
    """Return the name of each target, or of each number that is predicted; one name for a single target of classes."""
    spec = run.spec
    if spec.parts:
        return [part.name for part in spec.parts]
    if not has_classes(spec.goal):
        if len(spec.class_names) == spec.num_outputs:
            return spec.class_names
        if spec.num_outputs > 1:
            return [f"output {number + 1}" for number in range(spec.num_outputs)]
    named = [run.config.dataset.arguments.get(field) for field in ("target", "rating")]
    return [next((name for name in named if isinstance(name, str)), "target")]
