"""From raw rows to splits: held out by seed and class, limited, scaled by what the training rows say."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.files.status_line import long_work
from dlrun.data.loading.augment import is_active
from dlrun.data.loading.randomness import generator
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.loading.scaling import fit_scaling
from dlrun.data.loading.split import MemorySplit, Split
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.source import Encoder, FittedEncoder, Rows, Skipped, Source
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
    skipped: Skipped = ()  # rows left out because they are bad, each with why

    @property
    def sizes(self) -> Mapping[str, int]:
        """Rows by split."""
        return {name: len(split) for name in ("train", "val", "test") if (split := getattr(self, name)) is not None}

    def split(self, name: str) -> Split:
        """A split by name.

        Raises DataError when the run held out no such rows.
        """
        found = getattr(self, name, None) if name in ("train", "val", "test") else None
        if found is None:
            raise DataError(f'There is no split "{name}" with rows; this run has {", ".join(self.sizes)}.')
        return found  # type: ignore[no-any-return]

    def channels_last(self) -> DataBundle:
        """The same data, fetched with the channels of a pixel side by side in memory."""
        for split in (self.train, self.val, self.test):
            if split is not None:
                split.channels_last = True
        return self

    def to(self, device: torch.device) -> DataBundle:
        """The same data on another device."""
        moved = {
            name: None if split is None else split.to(device)
            for name, split in (("train", self.train), ("val", self.val), ("test", self.test))
        }
        return dataclasses.replace(self, **moved)  # type: ignore[arg-type]


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
    rows, test_rows = _hold_out(source, settings)
    if len(rows["train"]) == 0:
        raise DataError(f"{name}: no rows are left to train on ({len(source.targets)} rows in all).")
    if source.fit is not None:
        source = source.fit(source, rows["train"])
    part = {name: source.rows(index) for name, index in rows.items()}
    part["test"] = source.test_rows(test_rows) if source.test_targets is not None else part["test"]
    if source.val_targets is not None:
        part["val"] = source.val_rows()
    fingerprint = source.fingerprint or _fingerprint(source)
    fitted = source.encoder if isinstance(source.encoder, FittedEncoder) else None
    if fitted is not None:
        _hand_over(source, part, fitted)
    inputs, targets, _ = part["train"]
    sample = _sample(inputs, source.fit_on, seed=settings.split_seed)
    num_scaled = None if fitted is None else fitted.num_scaled
    scaling = fit_scaling(source, sample, standardise=settings.standardise, num_scaled=num_scaled)
    target_scaling = _fit_target(name, source, targets) if settings.standardise_target else TargetScaling()

    def split(rows: Rows) -> Split | None:
        inputs, targets, lengths = rows
        if len(targets) == 0:
            return None
        if source.goal == "regression":
            targets = target_scaling.scaled(targets)
        if isinstance(inputs, Reader):
            return StreamedSplit(inputs, targets, scaling=scaling, workers=workers)
        if inputs.dtype == torch.uint8:
            return MemorySplit(inputs, targets, lengths=lengths, scaling=scaling)
        if scaling is not None:
            inputs = MemorySplit(inputs, targets, scaling=scaling).scaled(inputs, in_place=fitted is not None)
        return MemorySplit(inputs, targets, lengths=lengths)

    classes = source.goal in ("binary", "multiclass")
    num_outputs = max(len(source.class_names), int(source.targets.max()) + 1) if classes else source.targets.shape[1]
    if source.goal == "language":
        num_outputs = source.vocabulary_size or int(source.targets.max()) + 1
    spec = DataSpec(
        kind=source.kind,
        shape=tuple(inputs.shape[1:]),
        goal=source.goal,
        num_outputs=num_outputs,
        class_names=tuple(source.class_names) or tuple(str(i) for i in range(num_outputs if classes else 0)),
        num_train=len(targets),
        vocabulary_size=source.vocabulary_size,
        scaling=scaling,
        target_mean=target_scaling.mean,
        target_std=target_scaling.std,
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
    source.inputs = _none_of(source.inputs)
    if source.test_inputs is not None:
        source.test_inputs = _none_of(source.test_inputs)
    encoder.fit(_in_memory(part["train"][0]))
    for name, (inputs, targets, lengths) in part.items():
        part[name] = encoder.finish(_in_memory(inputs)), targets, lengths


def _in_memory(inputs: Tensor | Reader) -> Tensor:
    """The rows themselves."""
    return inputs.read(range(len(inputs))) if isinstance(inputs, Reader) else inputs


def _none_of(inputs: Tensor | Reader) -> Tensor:
    """No rows, of the same shape."""
    return _in_memory(inputs)[:0].clone()


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

    return dataclasses.replace(
        source,
        inputs=padded(source.inputs),
        val_inputs=None if source.val_inputs is None else padded(source.val_inputs),
        test_inputs=None if source.test_inputs is None else padded(source.test_inputs),
    )


def _check_rows(name: str, source: Source) -> None:
    if len(source.targets) == 0:
        raise DataError(f"{name}: there are no rows.")
    num_classes = 0 if source.goal == "regression" else len(source.class_names) or int(source.targets.max()) + 1
    if source.goal == "language" and source.vocabulary_size is not None:
        num_classes = source.vocabulary_size
    raw = isinstance(source.encoder, FittedEncoder) or (isinstance(source.inputs, Reader) and bool(source.fingerprint))
    _check_split(name, source.inputs, source.targets, goal=source.goal, num_classes=num_classes, raw=raw)
    for which, inputs, targets in (
        ("validation", source.val_inputs, source.val_targets),
        ("test", source.test_inputs, source.test_targets),
    ):
        if inputs is not None and targets is not None:
            _check_split(f"{name}, {which} set", inputs, targets, goal=source.goal, num_classes=num_classes, raw=raw)


def _check_split(
    name: str, inputs: Tensor | Reader, targets: Tensor, *, goal: str, num_classes: int, raw: bool = False
) -> None:
    if len(inputs) != len(targets):
        raise DataError(f"{name}: {len(inputs)} inputs and {len(targets)} targets; each row needs both.")
    for what, values in (("an input", inputs), ("a target", targets)):
        if not (raw and what == "an input"):  # raw ones may lack a value; files are read when needed
            _check_finite(name, what, values)
    if goal != "regression":
        bad = (targets < 0) | (targets >= num_classes)
        if bad.any():
            row, wrong = int(bad.nonzero()[0, 0]), int(targets[bad][0])
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


def _hold_out(source: Source, settings: DatasetSettings) -> tuple[dict[str, Tensor], Tensor]:
    """Row indices by split, and those kept of the published test set; classes keep their shares."""
    count = len(source.targets)
    order = torch.randperm(count, generator=generator(settings.split_seed, "split"))
    if settings.limit is not None:
        order = order[: settings.limit]
    has_test = source.test_targets is not None
    test_fraction = 0.0 if has_test else settings.test_fraction
    if source.goal in ("regression", "language"):
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
            values: Tensor | Reader | None = getattr(source, name + what)
            if values is not None:
                digest.update(f"{name}{what}{values.dtype}{tuple(values.shape)}".encode())
                for block in blocks_of(values):
                    digest.update(block.contiguous().numpy().data)
    return digest.hexdigest()
