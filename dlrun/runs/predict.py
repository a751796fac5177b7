"""Predict new rows with a run's best checkpoint; only the run's folder is needed, not its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.encoders import default_encoder
from dlrun.data.files.paths import check_file_or_folder
from dlrun.data.loading.split import MemorySplit, in_order
from dlrun.data.source import Encoded, Encoder
from dlrun.data.spec import DataSpec
from dlrun.data.texts.language import LanguageEncoder
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.runs.generate import LENGTH, TEMPERATURE, generate_text
from dlrun.runs.loaded_run import LoadedRun, load_run
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from dlrun.wording import printable

Warn = Callable[[str], None]


def continue_prompt(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    prompt: str,
    *,
    length: int = LENGTH,
    temperature: float = TEMPERATURE,
) -> str:
    """Return a prompt, continued by `length` tokens of a run's language model; see `generate_text`.

    Raises ConfigError if the run has no language model.
    """
    run = load_run(config, catalog, folder)
    encoder, task = run.encoder, run.task
    if not isinstance(encoder, LanguageEncoder) or not isinstance(task, SupervisedTask):
        raise ConfigError(Problem("--prompt", "This run has no language model; pass a file of rows instead."))
    with run.device.autocast():
        return generate_text(task, encoder, prompt, length=length, temperature=temperature, seed=config.seed)


def predict(
    config: RunConfig,
    catalog: Catalog,
    folder: Path,
    source: Path,
    *,
    probabilities: bool = False,
    top: int | None = None,
    warn: Warn = lambda text: None,
) -> Iterator[dict[str, list[Any]]]:
    """Predict the rows of a file or folder, in its own order; yield chunks of rows as {heading: column}.

    top: return only so many candidates for each row, the highest first.
    Raises DataError naming file, row and column, and ConfigError if this run cannot predict what is requested.
    """
    run = load_run(config, catalog, folder)
    task = run.task
    if not isinstance(task, SupervisedTask):
        what = "This model generates samples and predicts nothing; its images are in the run's folder samples/."
        raise ConfigError(Problem(f"model={config.model.name}", what))
    if probabilities and goal_of(run.spec).predicts_numbers:
        raise ConfigError(Problem("--probabilities", "This run predicts numbers, which have no probabilities."))
    check_file_or_folder(source)
    encoder = run.encoder or default_encoder(config.dataset.name, run.spec, pad=config.dataset_settings.pad, warn=warn)
    num_rows = 0
    for encoded in _chunks(encoder, source, top=top):
        outputs = model_outputs(run, task, encoded)
        columns = {**encoded.columns, **_columns(encoder, run.spec, outputs, probabilities=probabilities)}
        if top is not None:
            best = outputs[:, 0].argsort(descending=True, stable=True)[:top].tolist()
            columns = {name: [values[row] for row in best] for name, values in columns.items()}
        num_rows += len(encoded.inputs)
        yield columns
    if not num_rows:
        raise DataError(f"{printable(str(source))}: no rows to predict.")


def _chunks(encoder: Encoder, source: Path, *, top: int | None) -> Iterator[Encoded]:
    if top is None:
        return encoder.chunks(source)
    ranked = encoder.candidates(source)
    if ranked is None:
        raise ConfigError(Problem(f"--top {top}", "Only a recommender (dataset=interactions) ranks answers."))
    return ranked


def model_outputs(run: LoadedRun, task: SupervisedTask, encoded: Encoded) -> Tensor:
    """Return the model's outputs for raw rows, scaled as in training, (N, K) float32 on the CPU."""
    inputs, spec, pad = encoded.inputs, run.spec, run.config.dataset_settings.pad
    if pad and spec.kind == "image":
        inputs = F.pad(inputs, (pad, pad, pad, pad))  # (N, C, H, W) -> (N, C, H + 2 * pad, W + 2 * pad)
    has_lengths = encoded.lengths is not None and inputs.ndim == 1 + len(spec.shape)  # a row ends at its length
    if tuple(inputs.shape[1:]) != spec.shape and not has_lengths:
        raise DataError(f"Expected rows of shape {spec.shape}, as the run was trained on, got {inputs.shape[1:]}.")
    targets = torch.zeros(len(inputs), dtype=torch.int64)
    split = MemorySplit(inputs, targets, lengths=encoded.lengths, scaling=spec.scaling)
    outputs = torch.zeros(len(inputs), 1)
    first = 0
    with torch.inference_mode(), run.device.autocast():
        for batch in in_order(split, batch_size=run.config.trainer.eval_batch_size):
            on_device = batch._replace(
                inputs=batch.inputs.to(run.device.torch),
                lengths=None if batch.lengths is None else batch.lengths.to(run.device.torch),
            )
            found = task(on_device).float().cpu()
            if not first:  # one tensor: small ones between the large buffers of batches would keep those in memory
                outputs = torch.zeros(len(inputs), *found.shape[1:])
            outputs[first : first + len(found)] = found
            first += len(found)
    return outputs  # (N, K)


def _columns(encoder: Encoder, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
    """Return outputs as columns: class names and probabilities, or numbers in the target's unit."""
    decoded = encoder.decode(outputs)
    if decoded is not None:
        return dict(decoded)
    return goal_of(spec).columns(spec, outputs, probabilities=probabilities)
