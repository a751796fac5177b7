"""From raw rows to what a run trains on: checked, split, limited, and scaled by statistics of the training rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import has_classes, has_numbers, mixes_kinds, words_for_targets
from dlrun.data.holdout import hold_out
from dlrun.data.loading.augment import is_active
from dlrun.data.loading.randomness import generator
from dlrun.data.loading.reader import Reader
from dlrun.data.loading.scaling import fit_scaling, fit_target_scaling
from dlrun.data.loading.split import MemorySplit, Split
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.row_checks import check_rows, check_weights
from dlrun.data.source import Encoder, Fitted, Rows, Skipped, Source, fingerprint_of
from dlrun.data.spec import DataSpec, TargetScaling
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import plural


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
    notices: Sequence[str] = ()  # what the user should know before training
    skipped: Skipped = ()  # bad rows that were skipped

    @property
    def splits(self) -> Mapping[str, Split]:
        """The splits that have rows, by name."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: split for name, split in splits.items() if split is not None}

    @property
    def sizes(self) -> Mapping[str, int]:
        """Rows by split."""
        return {name: len(split) for name, split in self.splits.items()}

    @property
    def judging_split(self) -> str:
        """The split that a model is judged by: test rows if there are any, else validation, else training rows."""
        return next(name for name in ("test", "val", "train") if name in self.splits)

    def split(self, name: str) -> Split:
        """Return a split by name.

        Raises DataError when the run held out no such rows.
        """
        if name not in self.splits:
            raise DataError(f'There is no split "{name}" with rows; this run has {", ".join(self.sizes)}.')
        return self.splits[name]

    def channels_last(self) -> DataBundle:
        """Return the same data, whose images are fetched in channels-last memory format."""
        for split in self.splits.values():
            split.channels_last = True
        return self

    def to(self, device: torch.device, *, room: int | None = None) -> DataBundle:
        """Return the same data on another device.

        room: bytes for inputs there. If all of them need more, they stay in the machine's memory, from where each batch
        is copied when it is needed, and a notice says so. None: there is room.
        """
        in_memory = [split for split in self.splits.values() if isinstance(split, MemorySplit)]
        size = sum(split.inputs.nbytes for split in in_memory)
        stays = room is not None and size > room
        splits = {
            name: split.to(device, with_inputs=False) if stays and isinstance(split, MemorySplit) else split.to(device)
            for name, split in self.splits.items()
        }
        notices = self.notices
        if stays and room is not None:
            told = (
                f"All rows need {size / 2**30:.1f} GiB and the device has {room / 2**30:.1f} GiB for them: "
                "they stay in the machine's memory, and each batch is copied to the device."
            )
            notices = (*notices, told)
        return dataclasses.replace(self, notices=notices, **splits)  # type: ignore[arg-type]


def prepare(name: str, source: Source, settings: DatasetSettings, *, workers: int = 0) -> DataBundle:
    """Split, limit and scale a source.

    workers: processes that read ahead, for rows that are read when they are needed.
    Raises DataError for rows that a model cannot be trained on, and ConfigError for settings that do not fit them.
    """
    check_rows(name, source)
    if settings.standardise_target == AUTO:  # by a caller that has no configuration
        settings = dataclasses.replace(settings, standardise_target=has_numbers(source.goal))
    _check_settings(name, source, settings)
    if settings.pad:
        source = _padded(source, settings.pad)
    num_outputs = source.num_outputs
    splits = hold_out(source, settings)
    if not len(splits["train"]):
        raise DataError(f"{name}: no rows are left to train on ({plural(len(source.train), 'row')} in all).")
    check_weights(name, splits)
    fingerprint = source.fingerprint or fingerprint_of(source.splits)
    if source.fit is None:
        fitted = Fitted(splits, source.encoder, vocabulary_size=source.vocabulary_size)
    else:
        source.release_rows()
        fitted = source.fit(splits)
    train = fitted.splits["train"]
    sample = _sample(train.inputs, source.scaling_rows, seed=settings.split_seed)
    scaling = fit_scaling(source, sample, standardise=settings.standardise, num_scaled=fitted.num_scaled)
    target_scaling = TargetScaling()
    if settings.standardise_target or mixes_kinds(source.goal):  # whose losses are added up, on one scale
        target_scaling = fit_target_scaling(train.targets, source.parts)

    def split(rows: Rows) -> Split:
        inputs, targets = rows.inputs, rows.targets
        if has_numbers(source.goal):
            targets = target_scaling.scaled(targets)
        if isinstance(inputs, Reader):
            return StreamedSplit(inputs, targets, weights=rows.weights, scaling=scaling, workers=workers)
        if inputs.dtype == torch.uint8:
            return MemorySplit(inputs, targets, lengths=rows.lengths, weights=rows.weights, scaling=scaling)
        if scaling is not None:
            inputs = MemorySplit(inputs, targets, scaling=scaling).scaled(inputs, in_place=source.fit is not None)
        return MemorySplit(inputs, targets, lengths=rows.lengths, weights=rows.weights)

    num_classes = num_outputs if has_classes(source.goal) else 0
    spec = DataSpec(
        kind=source.kind,
        shape=tuple(train.inputs.shape[1:]),
        goal=source.goal,
        num_outputs=num_outputs,
        class_names=tuple(source.class_names) or tuple(str(number) for number in range(num_classes)),
        num_train=len(train),
        vocabulary_size=fitted.vocabulary_size,
        scaling=scaling,
        target_mean=target_scaling.mean,
        target_std=target_scaling.std,
        class_counts=tuple(torch.bincount(train.targets, minlength=num_classes).tolist()) if num_classes else (),
        has_lengths=train.lengths is not None,
        parts=tuple(source.parts),
        categories=fitted.categories,
        numbers=fitted.num_scaled if source.kind == "dense" else None,
        continues=source.continues,
        season=source.season,
        blocks=fitted.blocks,
    )
    made = {split_name: split(rows) for split_name, rows in fitted.splits.items() if len(rows)}
    return DataBundle(
        name,
        made["train"],
        made.get("val"),
        made.get("test"),
        spec,
        fitted.fingerprint or fingerprint,
        fitted.encoder,
        source.notices,
        source.skipped,
    )


def _check_settings(name: str, source: Source, settings: DatasetSettings) -> None:
    """Raise ConfigError for every setting that does not fit the kind of rows."""
    problems = []
    if settings.pad and source.kind != "image":
        what = f"Only images can be padded; {name} has {source.kind} rows."
        problems.append(Problem(f"dataset.pad={settings.pad}", what, id="images-only", fix="dataset.pad=0"))
    if is_active(settings.augment) and source.kind != "image":
        what = f"Only images can be shifted, cropped or flipped; {name} has {source.kind} rows."
        problems.append(
            Problem("dataset.augment", what, id="images-only", fix="dataset.augment={shift:0,crop:0,flip:false}")
        )
    if settings.standardise_target and not has_numbers(source.goal):
        what = f"Only numbers to predict can be standardised; {name} has {words_for_targets(source.goal)}."
        problems.append(
            Problem("dataset.standardise_target=true", what, id="numbers-only", fix="dataset.standardise_target=auto")
        )
    if problems:
        raise ConfigError(problems)


def _sample(inputs: Tensor | Reader, count: int | None, *, seed: int) -> Tensor | Reader:
    """The training rows that scaling is fitted on: the same ones in memory and in files."""
    if count is None:
        return inputs
    rows = torch.randperm(len(inputs), generator=generator(seed, "scaling"))[:count].sort().values
    return inputs.read(rows.tolist()) if isinstance(inputs, Reader) else inputs[rows]


def _padded(source: Source, pad: int) -> Source:
    """The source with `pad` pixels of background on each side of every image."""

    def padded(inputs: Tensor | Reader) -> Tensor | Reader:
        return inputs.padded(pad) if isinstance(inputs, Reader) else F.pad(inputs, (pad, pad, pad, pad))

    splits = source.splits.items()
    return source.with_splits({name: dataclasses.replace(rows, inputs=padded(rows.inputs)) for name, rows in splits})
