"""From raw rows to splits: held out by seed and class, limited, scaled by what the training rows say."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.augment import is_active
from dlrun.data.encoding import Encoder, FittedEncoder
from dlrun.data.randomness import generator
from dlrun.data.scaling import fit_scaling
from dlrun.data.spec import DataSpec, Rows, Source
from dlrun.data.split import MemorySplit
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.settings import DatasetSettings


@dataclass(frozen=True)
class DataBundle:
    """A dataset ready to train on. `val` and `test` are None where no rows were held out."""

    name: str
    train: MemorySplit
    val: MemorySplit | None
    test: MemorySplit | None
    spec: DataSpec
    fingerprint: str  # SHA-256 of the raw rows
    encoder: Encoder | None = None  # how new rows are read
    notices: Sequence[str] = ()  # what the user should know of the data before training
    skipped: Mapping[str, Any] | None = None  # rows left out as asked

    @property
    def sizes(self) -> Mapping[str, int]:
        """Rows by split."""
        return {name: len(split) for name in ("train", "val", "test") if (split := getattr(self, name)) is not None}

    def split(self, name: str) -> MemorySplit:
        """A split by name.

        Raises DataError when the run held out no such rows.
        """
        found = getattr(self, name, None) if name in ("train", "val", "test") else None
        if found is None:
            raise DataError(f'There is no split "{name}" with rows; this run has {", ".join(self.sizes)}.')
        return found  # type: ignore[no-any-return]

    def to(self, device: torch.device) -> DataBundle:
        """The same data on another device."""
        moved = {
            name: None if split is None else split.to(device)
            for name, split in (("train", self.train), ("val", self.val), ("test", self.test))
        }
        return dataclasses.replace(self, **moved)  # type: ignore[arg-type]


def prepare(name: str, source: Source, settings: DatasetSettings) -> DataBundle:
    """Split, limit and scale a source.

    Raises DataError for rows that cannot be learnt from and ConfigError for settings that do not fit them.
    """
    _check_rows(name, source)
    if settings.pad:
        source = _padded(name, source, settings.pad)
    if is_active(settings.augment) and source.kind != "image":
        raise ConfigError(
            Problem("dataset.augment", f"Shift, crop and flip are for images; {name} holds {source.kind} rows.")
        )
    rows, test_rows = _hold_out(source, settings)
    if len(rows["train"]) == 0:
        raise DataError(f"{name}: no rows are left to train on ({len(source.targets)} rows in all).")
    part = {name: source.rows(index) for name, index in rows.items()}
    part["test"] = source.test_rows(test_rows) if source.test_targets is not None else part["test"]
    if source.val_targets is not None:
        part["val"] = source.val_rows()
    fingerprint = source.fingerprint or _fingerprint(source)
    fitted = source.encoder if isinstance(source.encoder, FittedEncoder) else None
    if fitted is not None:
        _hand_over(source, part, fitted)
    inputs, targets, _ = part["train"]
    num_scaled = None if fitted is None else fitted.num_scaled
    scaling = fit_scaling(source, inputs, standardise=settings.standardise, num_scaled=num_scaled)
    target_mean, target_std = _fit_target(name, source, targets) if settings.standardise_target else (0.0, 1.0)

    def split(rows: Rows) -> MemorySplit | None:
        inputs, targets, lengths = rows
        if len(targets) == 0:
            return None
        if source.goal == "regression":
            targets = (targets - target_mean) / target_std
        if inputs.dtype == torch.uint8:
            return MemorySplit(inputs, targets, lengths=lengths, scaling=scaling)
        if scaling is not None:
            inputs = MemorySplit(inputs, targets, scaling=scaling).scaled(inputs, in_place=fitted is not None)
        return MemorySplit(inputs, targets, lengths=lengths)

    classes = source.goal != "regression"
    num_outputs = max(len(source.class_names), int(source.targets.max()) + 1) if classes else source.targets.shape[1]
    spec = DataSpec(
        kind=source.kind,
        shape=tuple(inputs.shape[1:]),
        goal=source.goal,
        num_outputs=num_outputs,
        class_names=tuple(source.class_names) or tuple(str(i) for i in range(num_outputs if classes else 0)),
        num_train=len(targets),
        vocabulary_size=source.vocabulary_size,
        scaling=scaling,
        target_mean=target_mean,
        target_std=target_std,
        class_counts=tuple(torch.bincount(targets, minlength=num_outputs).tolist()) if classes else (),
        has_lengths=source.lengths is not None,
        categories=() if fitted is None else fitted.categories,
    )
    train = split(part["train"])
    assert train is not None  # noqa: S101 - it has rows, which the type checker cannot know
    val, test = split(part["val"]), split(part["test"])
    return DataBundle(name, train, val, test, spec, fingerprint, source.encoder, source.notices, source.skipped)


def _hand_over(source: Source, part: dict[str, Rows], encoder: FittedEncoder) -> None:
    """Fit the encoder on the training rows and finish those of each split; the source's own rows are let go of."""
    source.inputs = source.inputs[:0].clone()
    if source.test_inputs is not None:
        source.test_inputs = source.test_inputs[:0].clone()
    encoder.fit(part["train"][0])
    for name, (inputs, targets, lengths) in part.items():
        part[name] = encoder.finish(inputs), targets, lengths


def _fit_target(name: str, source: Source, targets: Tensor) -> tuple[float, float]:
    """Mean and deviation of a regression's training targets."""
    if source.goal != "regression":
        raise ConfigError(
            Problem(
                "dataset.standardise_target=true",
                f"Only a regression's target can be standardised; {name} has classes.",
            )
        )
    return float(targets.double().mean()), float(targets.double().std(correction=0)) or 1.0


def _padded(name: str, source: Source, pad: int) -> Source:
    """The source with `pad` pixels of background on each side of every image."""
    if source.kind != "image":
        raise ConfigError(Problem(f"dataset.pad={pad}", f"Only images can be padded; {name} holds {source.kind} rows."))
    around = (pad, pad, pad, pad)
    return dataclasses.replace(
        source,
        inputs=F.pad(source.inputs, around),
        val_inputs=None if source.val_inputs is None else F.pad(source.val_inputs, around),
        test_inputs=None if source.test_inputs is None else F.pad(source.test_inputs, around),
    )


def _check_rows(name: str, source: Source) -> None:
    if len(source.targets) == 0:
        raise DataError(f"{name}: there are no rows.")
    num_classes = 0 if source.goal == "regression" else len(source.class_names) or int(source.targets.max()) + 1
    raw = isinstance(source.encoder, FittedEncoder)
    _check_split(name, source.inputs, source.targets, goal=source.goal, num_classes=num_classes, raw=raw)
    for which, inputs, targets in (
        ("validation", source.val_inputs, source.val_targets),
        ("test", source.test_inputs, source.test_targets),
    ):
        if inputs is not None and targets is not None:
            _check_split(f"{name}, {which} set", inputs, targets, goal=source.goal, num_classes=num_classes, raw=raw)


def _check_split(name: str, inputs: Tensor, targets: Tensor, *, goal: str, num_classes: int, raw: bool = False) -> None:
    if len(inputs) != len(targets):
        raise DataError(f"{name}: {len(inputs)} inputs and {len(targets)} targets; each row needs both.")
    for what, values in (("an input", inputs), ("a target", targets)):
        if values.is_floating_point() and not (raw and what == "an input"):  # where a missing value is NaN
            bad = ~torch.isfinite(values.reshape(len(values), -1)).all(dim=1)
            if bad.any():
                raise DataError(f"{name}: row {int(bad.nonzero()[0])} has {what} that is not a finite number.")
    if goal != "regression":
        bad = (targets < 0) | (targets >= num_classes)
        if bad.any():
            row = int(bad.nonzero()[0])
            raise DataError(f"{name}: row {row} has the class {int(targets[row])}; expected 0 to {num_classes - 1}.")


def _hold_out(source: Source, settings: DatasetSettings) -> tuple[dict[str, Tensor], Tensor]:
    """Row indices by split, and those kept of the published test set; classes keep their shares."""
    count = len(source.targets)
    order = torch.randperm(count, generator=generator(settings.split_seed, "split"))
    if settings.limit is not None:
        order = order[: settings.limit]
    has_test = source.test_targets is not None
    test_fraction = 0.0 if has_test else settings.test_fraction
    if source.goal == "regression":
        rank = torch.arange(len(order), dtype=torch.float64)
        size = torch.full((len(order),), float(len(order)), dtype=torch.float64)
    else:
        rank, size = _rank_in_class(source.targets[order])
    val_fraction = 0.0 if source.val_targets is not None else settings.val_fraction
    test_end = (size * test_fraction).round()
    val_end = test_end + ((size - test_end) * val_fraction).round()
    parts = {"test": rank < test_end, "val": (rank >= test_end) & (rank < val_end), "train": rank >= val_end}
    rows = {part: order[chosen].sort().values for part, chosen in parts.items()}
    test_rows = torch.arange(0)
    if source.test_targets is not None:
        test_rows = torch.randperm(len(source.test_targets), generator=generator(settings.split_seed, "test"))
        test_rows = test_rows[: settings.limit].sort().values
    return rows, test_rows


def _rank_in_class(classes: Tensor) -> tuple[Tensor, Tensor]:
    """For each row its number among the rows of its class, and that class's size; both (N,) float64."""
    by_class = torch.argsort(classes, stable=True)
    counts = torch.bincount(classes)
    starts = counts.cumsum(0) - counts
    rank = torch.empty(len(classes), dtype=torch.float64)
    rank[by_class] = (torch.arange(len(classes)) - starts[classes[by_class]]).to(torch.float64)
    return rank, counts[classes].to(torch.float64)


def _fingerprint(source: Source) -> str:
    digest = hashlib.sha256()
    for name in ("", "val_", "test_"):
        for what in ("inputs", "targets", "lengths"):
            tensor = getattr(source, name + what)
            if tensor is not None:
                digest.update(f"{name}{what}{tensor.dtype}{tuple(tensor.shape)}".encode())
                digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
