"""Permutation importance: how much worse a run's own metric becomes when a column of a split is shuffled."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import long_work
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, Problem
from dlrun.runs.explain.attribution import ColumnImportance, Importance
from dlrun.runs.explain.columns import columns_of, columns_of_steps
from dlrun.runs.explain.explain import explainable_task
from dlrun.runs.loaded_run import LoadedRun, data_of, load_run
from dlrun.tasks.task import SupervisedTask
from dlrun.training.metric_choice import choose_metric, value_of

REPEATS = 5
_MOST_ROWS, _FEWEST_ROWS = 10_000, 200  # of the split
_ROUNDING = 1e-12  # of a mean of float64 numbers near 1
_MOST_EVALUATED = 2_000_000  # rows, of all columns and repeats together


def permutation_importance(config: RunConfig, catalog: Catalog, folder: Path, *, split: str) -> Importance:
    """Measure each column of a split (Breiman 2001), as the user has it: its one-hot codes move together.

    Raises ConfigError if the run's rows have no columns or it has no such split, DataError if the data is gone or not
    what the run was trained on.
    """
    run = load_run(config, catalog, folder)
    task = explainable_task(run)
    names, groups = _columns(run)
    metric = choose_metric(task, config.metric)
    data = data_of(run, catalog)
    if split not in data.sizes:
        what = f"This run has no such split; it has {', '.join(data.sizes)}."
        raise ConfigError(Problem(f"--split {split}", what))
    rows = data.split(split)
    most = max(_FEWEST_ROWS, min(_MOST_ROWS, _MOST_EVALUATED // (len(names) * REPEATS)))
    whole = _sampled(rows, most, seed=config.seed)
    whole = whole._replace(inputs=whole.inputs.clone())  # shuffled in place
    better = 1.0 if task.metrics[metric] == "max" else -1.0
    value = _measure(run, task, metric, whole)
    generator = torch.Generator().manual_seed(config.seed)
    found = []
    with long_work("Shuffling", len(names), unit="columns") as done:
        for number, name in enumerate(names):
            worse = []
            for _ in range(REPEATS):
                with _shuffled(whole.inputs, groups == number, generator):
                    worse.append(better * (value - _measure(run, task, metric, whole)))
            found.append(
                ColumnImportance(name, _exact(statistics.fmean(worse)), _exact(statistics.stdev(worse)), tuple(worse))
            )
            done(1)
    found.sort(key=lambda column: -column.mean)
    return Importance(split, metric, better > 0, value, len(whole.targets), len(rows), found)


def _exact(mean: float) -> float:
    """A mean of differences, without the rounding of ones that are 0 together."""
    return 0.0 if abs(mean) < _ROUNDING else mean


def _columns(run: LoadedRun) -> tuple[Sequence[str], Tensor]:
    """The names of the columns, and the column of each of the last axis of rows, (F,)."""
    spec = run.spec
    if spec.kind == "dense":
        columns = columns_of(run)
        return columns.names, columns.groups
    if spec.kind == "sequence" and not spec.has_lengths:
        names = columns_of_steps(run)
        return names, torch.arange(len(names))
    what = f"Columns are shuffled, and this run has {spec.describe()}. Explain rows: `dlrun explain RUN_DIR INPUT`."
    raise ConfigError(Problem("--split", what))


def _sampled(rows: Split, most: int, *, seed: int) -> Batch:
    """All rows of a split, or so many that a seed chooses."""
    if len(rows) <= most:
        return rows.fetch(slice(0, len(rows)))
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:most].sort().values
    return rows.fetch(order.to(rows.index_device))


@contextmanager
def _shuffled(inputs: Tensor, which: Tensor, generator: torch.Generator) -> Iterator[None]:
    """Within a `with` block, some features, (F,) bool, are from other rows; a series moves as a whole."""
    features = which.nonzero()[:, 0].to(inputs.device)
    order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    before = inputs[..., features]  # a copy
    inputs[..., features] = before[order]
    try:
        yield
    finally:
        inputs[..., features] = before


def _measure(run: LoadedRun, task: SupervisedTask, metric: str, whole: Batch) -> float:
    evaluation, size = task.evaluation(), run.config.trainer.eval_batch_size
    with torch.inference_mode(), run.device.autocast():
        for first in range(0, len(whole.targets), size):
            part = slice(first, first + size)
            weights = None if whole.weights is None else whole.weights[part]
            evaluation.add(Batch(whole.inputs[part], whole.targets[part], None, weights))
    return value_of(task, metric, evaluation.result())
