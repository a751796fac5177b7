"""Examine a run: its best checkpoint on one split, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.files.status_line import long_work
from dlrun.data.goals import has_classes, has_tokens, mixes_kinds
from dlrun.data.loading.split import Split, in_order
from dlrun.data.media.audio import AudioEncoder
from dlrun.data.prepare import DataBundle
from dlrun.data.spec import DataSpec
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.series import SeriesEncoder
from dlrun.data.texts.language import LanguageEncoder
from dlrun.errors import ConfigError, DataError, StorageError
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.runs.analysis.classes import ClassObserver
from dlrun.runs.analysis.numbers import NumberObserver
from dlrun.runs.analysis.reports import Examined, Mistake
from dlrun.runs.analysis.rows import RawRows
from dlrun.runs.analysis.tokens import TokenObserver, write_samples
from dlrun.runs.loaded_run import LoadedRun, data_of, load_run, target_names
from dlrun.tasks.gan import GanTask
from dlrun.tasks.goals import SeveralGoal, goal_of
from dlrun.tasks.parts import part_specs, targets_of_parts
from dlrun.tasks.task import SupervisedTask
from dlrun.training.out_of_memory import evaluation_error
from dlrun.wording import plural

MOST_MISTAKES = 16
"""Of one target with classes, or of all numbers together."""
MOST_EACH = 6  # of each of several targets
_MOST_COLUMNS = 200


class _Observer(Protocol):
    def add(self, first: int, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Add a batch."""


def examine_run(
    config: RunConfig, catalog: Catalog, folder: Path, *, split: str | None = None, with_rows: bool = True
) -> Examined:
    """Examine a run's best checkpoint on a split: by default its test rows, else validation, else training rows.

    with_rows: whether to return rows of the data, the worst mistakes. What cannot be examined, since a checkpoint or
    the data is missing, is in `missing` of what is returned.
    """
    found = Examined(with_rows=with_rows)
    try:
        run = load_run(config, catalog, folder)
    except (ConfigError, DataError, StorageError) as error:
        found.missing.append(f"what the model predicts: {error}")
        return found
    found.describes = described(run)
    found.class_counts = dict(zip(run.spec.class_names, run.spec.class_counts, strict=False))
    if isinstance(run.encoder, TableEncoder):
        found.columns = {column.name: column.kind for column in run.encoder.columns[:_MOST_COLUMNS]}
    found.is_generator = isinstance(run.task, GanTask)
    if not isinstance(run.task, SupervisedTask):
        if not found.is_generator:
            found.missing.append("what the model predicts: its task is not dlrun's own")
        return found
    raw = RawRows()
    try:
        data = data_of(run, catalog, see=raw.see)
        _examine_split(found, run, run.task, data, split, raw=raw if with_rows else None)
    except (ConfigError, DataError, StorageError) as error:
        found.missing.append(f"what the model predicts: {error}")
        data = None
    if isinstance(run.encoder, LanguageEncoder):
        rows = None if data is None or not with_rows else data.split(found.split)
        with run.device.autocast():
            found.samples = write_samples(run.task, run.encoder, rows, seed=config.seed)
    return found


def _examine_split(
    found: Examined, run: LoadedRun, task: SupervisedTask, data: DataBundle, wanted: str | None, *, raw: RawRows | None
) -> None:
    found.split = wanted or data.judging_split
    split = data.split(found.split)
    found.num_rows = len(split)
    watch = _Watch(run, num_rows=len(split), with_rows=raw is not None)
    _pass(run, task, split, watch)
    found.classes = [observer.report() for observer in watch.classes]
    found.numbers = [report for observer in watch.numbers for report in observer.reports()]
    found.mistakes = [mistake for observer in watch.numbers for mistake in observer.mistakes()]
    found.tokens = watch.tokens.report() if watch.tokens is not None else None
    if raw is None:
        found.notices.append("rows of the data are left out, as asked for (--no-rows)")
        return
    every: list[Mistake] = [*found.mistakes, *(each for report in found.classes for each in report.mistakes)]
    try:
        raw.fill(every, run.spec, split=found.split)
    except DataError as error:
        found.missing.append(f"the rows of the worst mistakes: {error}")


def _pass(run: LoadedRun, task: SupervisedTask, split: Split, watch: _Watch) -> None:
    """Show every row of a split, in order, to the observers.

    Raises ConfigError if the memory is too small.
    """
    batch_size = run.config.trainer.eval_batch_size
    first = 0
    try:
        with torch.inference_mode(), run.device.autocast(), long_work("Predicting", len(split), unit="rows") as done:
            for batch in in_order(split, batch_size=batch_size):
                watch.add(first, task(batch).float(), batch.targets, batch.weights)
                first += len(batch.targets)
                done(len(batch.targets))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise evaluation_error(batch_size, run.device) from error


class _Watch:
    """The observers of a run: one for each target with classes, one for numbers, or one for tokens."""

    def __init__(self, run: LoadedRun, *, num_rows: int, with_rows: bool) -> None:
        spec, most = run.spec, MOST_MISTAKES if with_rows else 0
        self._spec = spec
        self._each: list[tuple[_Observer, slice]] = []  # with the outputs that it watches
        self.classes: list[ClassObserver] = []
        self.numbers: list[NumberObserver] = []
        self.tokens: TokenObserver | None = None
        goal = goal_of(spec)
        if isinstance(goal, SeveralGoal):
            for part, own, place in zip(spec.parts, part_specs(spec), goal.slices(spec), strict=True):
                few, name = min(most, MOST_EACH), part.name
                self._add_target(own, place, name=name, names=[name], num_rows=num_rows, most=few)
        elif not has_tokens(spec.goal):
            self._add_target(spec, slice(None), name="", names=_names(run), num_rows=num_rows, most=most)
        elif isinstance(run.encoder, LanguageEncoder):
            self.tokens = TokenObserver(run.encoder, most=min(most, MOST_EACH))
            self._each.append((self.tokens, slice(None)))

    def _add_target(
        self, spec: DataSpec, place: slice, *, name: str, names: Sequence[str], num_rows: int, most: int
    ) -> None:
        if has_classes(spec.goal):
            self.classes.append(ClassObserver(spec, name=name, num_rows=num_rows, most=most))
            self._each.append((self.classes[-1], place))
        else:
            self.numbers.append(NumberObserver(spec, names=names, num_rows=num_rows, most=most))
            self._each.append((self.numbers[-1], place))

    def add(self, first: int, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Show a batch to the observers."""
        of_each = targets_of_parts(self._spec.parts, targets) if mixes_kinds(self._spec.goal) else [targets]
        for (observer, place), own in zip(self._each, of_each, strict=True):
            observer.add(first, outputs[:, place], own, weights)


def described(run: LoadedRun) -> str:
    """Return the data in words; sounds, which models see as images, as what they are."""
    text = run.spec.describe()
    if not isinstance(run.encoder, AudioEncoder):
        return text
    _, frames, bands = run.spec.shape
    return f"sounds as {plural(frames, 'frame')} of {plural(bands, 'mel band')}, {text.rpartition(', ')[2]}"


def _names(run: LoadedRun) -> Sequence[str]:
    """The names of the numbers that a run predicts; of a forecast those of its columns."""
    return list(run.encoder.targets) if isinstance(run.encoder, SeriesEncoder) else target_names(run)
