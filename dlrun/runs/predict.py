"""Predictions of a run's best checkpoint for new rows; the run's folder is all that is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.encoders import default_encoder
from dlrun.data.loading.split import MemorySplit, in_order
from dlrun.data.source import Encoded, Encoder
from dlrun.data.spec import DataSpec
from dlrun.data.texts.language import LanguageEncoder
from dlrun.errors import ConfigError, DataError, Problem, StorageError
from dlrun.optim import device
from dlrun.optim.device import Device
from dlrun.runs.generate import generate_text
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask, Task
from dlrun.training import state as train_state
from dlrun.training.build import build_task
from dlrun.wording import printable

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What a run's folder gives back: the task with its best weights, and how its rows are read."""

    config: RunConfig
    device: Device
    spec: DataSpec
    task: Task
    encoder: Encoder | None


def load(config: RunConfig, catalog: Catalog, folder: Path) -> Trained:
    """Rebuild a run's task and encoder from its best checkpoint; its data is not read.

    Raises StorageError when the checkpoint is not there, damaged or of a version that kept no spec.
    """
    snapshot = CheckpointStore(folder / "checkpoints").load_best()
    about = snapshot.values["about"]
    if "spec" not in about:
        raise StorageError(f"{folder}: written by a version that kept too little to predict; train it again.")
    chosen = device.set_up(config)
    spec = DataSpec.restored(about["spec"])
    task = build_task(config, catalog, spec).to(chosen.torch)
    train_state.load_weights(task, snapshot)
    task.eval()
    return Trained(config, chosen, spec, task, _encoder(about, catalog))


def _encoder(about: dict[str, Any], catalog: Catalog) -> Encoder | None:
    """The encoder that the run's dataset kept, made by the `encoder` function of its option's file."""
    if about["encoder"] is None:
        return None
    module = sys.modules[catalog.load("dataset", about["dataset"]).__module__]
    made: Encoder = module.encoder(about["encoder"])
    return made


def generate(
    config: RunConfig, catalog: Catalog, folder: Path, prompt: str, *, length: int = 200, temperature: float = 0.8
) -> str:
    """What a run's language model makes of a prompt: `length` tokens more; see `generate_text`.

    Raises ConfigError when the run has no language model.
    """
    trained = load(config, catalog, folder)
    encoder, task = trained.encoder, trained.task
    if not isinstance(encoder, LanguageEncoder) or not isinstance(task, SupervisedTask):
        raise ConfigError(Problem("--prompt", "This run has no language model; give a file of rows instead."))
    with trained.device.autocast():
        return generate_text(task, encoder, prompt, length=length, temperature=temperature, seed=config.seed)


def predicted(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    source: Path,
    *,
    probabilities: bool = False,
    top: int | None = None,
    warn: Warn = lambda text: None,
) -> Iterator[dict[str, list[Any]]]:
    """Predictions for the rows of a file or folder, in its own order, many at a time: headings to columns.

    top: of every answer that there is for a row, only this many, highest first.
    Raises DataError naming file, row and column, and ConfigError for what this run cannot tell.
    """
    trained = load(config, catalog, folder)
    task = trained.task
    if not isinstance(task, SupervisedTask):
        what = "This model makes samples and predicts nothing; its pictures are in the run's folder samples/."
        raise ConfigError(Problem(f"model={config.model.name}", what))
    if probabilities and not goal_of(trained.spec).has_classes:
        raise ConfigError(Problem("--probabilities", "This run predicts numbers, which have no probabilities."))
    if source.exists() and not source.is_file() and not source.is_dir():
        raise DataError(f"{printable(str(source))}: expected a file or a folder, got a pipe or a device.")
    if not source.exists():
        raise DataError(f"{printable(str(source))}: there is no such file or folder.")
    encoder = trained.encoder or default_encoder(
        config.dataset.name, trained.spec, pad=config.dataset_settings.pad, warn=warn
    )
    num_rows = 0
    for encoded in _chunks(encoder, source, top=top):
        outputs = _outputs(trained, task, encoded)
        columns = {**encoded.columns, **_columns(encoder, trained.spec, outputs, probabilities=probabilities)}
        if top is not None:
            best = outputs[:, 0].argsort(descending=True, stable=True)[:top].tolist()
            columns = {name: [values[row] for row in best] for name, values in columns.items()}
        num_rows += len(encoded.inputs)
        yield columns
    if not num_rows:
        raise DataError(f"{printable(str(source))}: there are no rows to predict.")


def _chunks(encoder: Encoder, source: Path, *, top: int | None) -> Iterator[Encoded]:
    if top is None:
        return encoder.chunks(source)
    ranked = encoder.candidates(source)
    if ranked is None:
        raise ConfigError(Problem(f"--top {top}", "Only a recommender (dataset=interactions) ranks answers."))
    return ranked


def _outputs(trained: Trained, task: SupervisedTask, encoded: Encoded) -> Tensor:
    """The model's output for raw rows, scaled as in training, (N, K) float32 on the CPU."""
    inputs, spec, pad = encoded.inputs, trained.spec, trained.config.dataset_settings.pad
    if pad and spec.kind == "image":
        inputs = F.pad(inputs, (pad, pad, pad, pad))
    varies = encoded.lengths is not None and inputs.ndim == 1 + len(spec.shape)  # rows end where their lengths say
    if tuple(inputs.shape[1:]) != spec.shape and not varies:
        raise DataError(f"Expected rows of shape {spec.shape}, as the run was trained on, got {inputs.shape[1:]}.")
    targets = torch.zeros(len(inputs), dtype=torch.int64)
    split = MemorySplit(inputs, targets, lengths=encoded.lengths, scaling=spec.scaling)
    found = []
    with torch.inference_mode(), trained.device.autocast():
        for batch in in_order(split, batch_size=trained.config.trainer.eval_batch_size):
            moved = batch._replace(
                inputs=batch.inputs.to(trained.device.torch),
                lengths=None if batch.lengths is None else batch.lengths.to(trained.device.torch),
            )
            found.append(task(moved).float().cpu())
    return torch.cat(found) if found else torch.zeros(0, 1)


def _columns(encoder: Encoder, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
    """Outputs as people read them: class names and probabilities, or numbers in the target's own unit."""
    own = encoder.decode(outputs)
    if own is not None:
        return dict(own)
    return goal_of(spec).columns(spec, outputs, probabilities=probabilities)
