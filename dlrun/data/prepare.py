"""From raw rows to splits: held out by seed and class, limited, scaled by what the training rows say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.files.status_line import long_work
from dlrun.data.holdout import hold_out
from dlrun.data.loading.augment import is_active
from dlrun.data.loading.randomness import generator
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.loading.scaling import fit_scaling
from dlrun.data.loading.split import MemorySplit, Split
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.source import Encoder, Fitted, Rows, Skipped, Source, fingerprint_of
from dlrun.data.spec import DataSpec, TargetScaling
from dlrun.errors import ConfigError, DataError, Problem


@dataclass(frozen=True)
class DataBundle:
    """A dataset ready to train on. `val` and `test` are None where no rows were held out."""

    name: str
    train: Split
    val: Split | None
    test: Split | None
    spec: DataSpec
    fingerprint: str  # SHA-256 of the raw rows
    encoder: Encoder | None = None  # how new rows are read
    notices: Sequence[str] = ()  # what the user should know of the rows
    skipped: Skipped = ()  # rows that were skipped because they are bad, each with why

    @property
    def splits(self) -> Mapping[str, Split]:
        """The splits that have rows, by name."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: split for name, split in splits.items() if split is not None}

    @property
    def sizes(self) -> Mapping[str, int]:
        """Rows by split."""
        return {name: len(split) for name, split in self.splits.items()}

    def split(self, name: str) -> Split:
        """Return a split by name.

        Raises DataError when the run held out no such rows.
        """
        if name not in self.splits:
            raise DataError(f'There is no split "{name}" with rows; this run has {", ".join(self.sizes)}.')
        return self.splits[name]

    def channels_last(self) -> DataBundle:
        """The same data, fetched with the channels of a pixel side by side in memory."""
        for split in self.splits.values():
            split.channels_last = True
        return self

    def to(self, device: torch.device) -> DataBundle:
        """The same data on another device."""
        return dataclasses.replace(self, **{name: split.to(device) for name, split in self.splits.items()})  # type: ignore[arg-type]


def prepare(name: str, source: Source, settings: DatasetSettings, *, workers: int = 0) -> DataBundle:
    """Split, limit and scale a source. Rows that are read as they are needed are decoded by so many workers.

    Raises DataError for rows that cannot be learnt from and ConfigError for settings that do not fit them.
    """
    _check_rows(name, source)
    if settings.pad:
        source = _padded(name, source, settings.pad)
    if is_active(settings.augment) and source.kind != "image":
        raise ConfigError(
            Problem("dataset.augment", f"Shift, crop and flip are for images; {name} holds {source.kind} rows.")
        )
    num_outputs = _num_outputs(source)
    splits = hold_out(source, settings)
    if not len(splits["train"]):
        raise DataError(f"{name}: no rows are left to train on ({len(source.train)} rows in all).")
    fitted = Fitted(splits, source.encoder, vocabulary_size=source.vocabulary_size)
    fingerprint = source.fingerprint or fingerprint_of(source.splits)
    if source.fit is not None:
        source.release_rows()
        fitted = source.fit(splits)
        splits, fingerprint = fitted.splits, fitted.fingerprint or fingerprint
    train = splits["train"]
    sample = _sample(train.inputs, source.scaling_rows, seed=settings.split_seed)
    scaling = fit_scaling(source, sample, standardise=settings.standardise, num_scaled=fitted.num_scaled)
    target_scaling = _fit_target(name, source, train.targets) if settings.standardise_target else TargetScaling()

    def split(rows: Rows) -> Split:
        inputs, targets = rows.inputs, rows.targets
        if source.goal == "regression":
            targets = target_scaling.scaled(targets)
        if isinstance(inputs, Reader):
            return StreamedSplit(inputs, targets, scaling=scaling, workers=workers)
        if inputs.dtype == torch.uint8:
            return MemorySplit(inputs, targets, lengths=rows.lengths, scaling=scaling)
        if scaling is not None:
            inputs = MemorySplit(inputs, targets, scaling=scaling).scaled(inputs, in_place=source.fit is not None)
        return MemorySplit(inputs, targets, lengths=rows.lengths)

    classes = source.goal in ("binary", "multiclass")
    spec = DataSpec(
        kind=source.kind,
        shape=tuple(train.inputs.shape[1:]),
        goal=source.goal,
        num_outputs=num_outputs,
        class_names=tuple(source.class_names) or tuple(str(i) for i in range(num_outputs if classes else 0)),
        num_train=len(train),
        vocabulary_size=fitted.vocabulary_size,
        scaling=scaling,
        target_mean=target_scaling.mean,
        target_std=target_scaling.std,
        class_counts=tuple(torch.bincount(train.targets, minlength=num_outputs).tolist()) if classes else (),
        has_lengths=train.lengths is not None,
        categories=fitted.categories,
    )
    made = {name: split(rows) for name, rows in splits.items() if len(rows)}
    return DataBundle(
        name,
        made["train"],
        made.get("val"),
        made.get("test"),
        spec,
        fingerprint,
        fitted.encoder,
        source.notices,
        source.skipped,
    )


def _num_outputs(source: Source) -> int:
    """How many numbers a model gives for a row: one a class, a token of the vocabulary, or a number to predict."""
    targets = source.train.targets
    if source.goal == "regression":
        return targets.shape[1]
    known = source.vocabulary_size if source.goal == "language" else len(source.class_names)
    return known or int(targets.max()) + 1


def _sample(inputs: Tensor | Reader, count: int | None, *, seed: int) -> Tensor | Reader:
    """The training rows that a scaling is fitted on: the same ones whether they lie in memory or in files."""
    if count is None:
        return inputs
    rows = torch.randperm(len(inputs), generator=generator(seed, "scaling"))[:count].sort().values
    return inputs.read(rows.tolist()) if isinstance(inputs, Reader) else inputs[rows]


def _fit_target(name: str, source: Source, targets: Tensor) -> TargetScaling:
    """Mean and deviation of a regression's training targets, output by output."""
    if source.goal != "regression":
        raise ConfigError(
            Problem(
                "dataset.standardise_target=true",
                f"Only a regression's target can be standardised; {name} has classes.",
            )
        )
    means, deviations = targets.double().mean(dim=0).tolist(), targets.double().std(dim=0, correction=0).tolist()
    deviations = [value or 1.0 for value in deviations]
    if len(means) == 1:
        return TargetScaling(means[0], deviations[0])
    return TargetScaling(tuple(means), tuple(deviations))


def _padded(name: str, source: Source, pad: int) -> Source:
    """The source with `pad` pixels of background on each side of every image."""
    if source.kind != "image":
        raise ConfigError(Problem(f"dataset.pad={pad}", f"Only images can be padded; {name} holds {source.kind} rows."))

    def padded(inputs: Tensor | Reader) -> Tensor | Reader:
        return inputs.padded(pad) if isinstance(inputs, Reader) else F.pad(inputs, (pad, pad, pad, pad))

    splits = source.splits.items()
    return source.with_splits({name: dataclasses.replace(rows, inputs=padded(rows.inputs)) for name, rows in splits})


def _check_rows(name: str, source: Source) -> None:
    if not len(source.train):
        raise DataError(f"{name}: there are no rows.")
    num_classes = None if source.goal == "regression" else _num_outputs(source)
    raw = source.fit is not None or (isinstance(source.train.inputs, Reader) and bool(source.fingerprint))
    shown = {"train": name, "val": f"{name}, validation set", "test": f"{name}, test set"}
    for split, rows in source.splits.items():
        _check_split(shown[split], rows, num_classes=num_classes, raw=raw)


def _check_split(name: str, rows: Rows, *, num_classes: int | None, raw: bool) -> None:
    """raw: inputs may lack values, or are files that are read when needed. num_classes: None for a regression."""
    if len(rows.inputs) != len(rows.targets):
        raise DataError(f"{name}: {len(rows.inputs)} inputs and {len(rows.targets)} targets; each row needs both.")
    if not raw:
        _check_finite(name, "an input", rows.inputs)
    _check_finite(name, "a target", rows.targets)
    if num_classes is not None:
        bad = (rows.targets < 0) | (rows.targets >= num_classes)
        if bad.any():
            row, wrong = int(bad.nonzero()[0, 0]), int(rows.targets[bad][0])
            raise DataError(f"{name}: row {row} has the class {wrong}; expected 0 to {num_classes - 1}.")


def _check_finite(name: str, what: str, values: Tensor | Reader) -> None:
    if not values.dtype.is_floating_point:
        return
    first = 0
    with long_work("Checking", len(values), unit="rows") as done:
        for block in blocks_of(values):
            bad = ~torch.isfinite(block.reshape(len(block), -1)).all(dim=1)
            if bad.any():
                raise DataError(f"{name}: row {first + int(bad.nonzero()[0])} has {what} that is not a finite number.")
            first += len(block)
            done(len(block))
