"""What a dataset provides: rows by split, and an encoder, stored in every checkpoint, that reads new rows."""

from __future__ import annotations

import dataclasses
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.goals import Goal, Part, num_outputs, typed_targets
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.originals import Original
from dlrun.data.spec import Block, Kind
from dlrun.errors import DataError
from dlrun.wording import printable


@dataclass(frozen=True)
class Encoded:
    """New rows as raw inputs, before scaling.

    columns: columns of the predictions that identify each row (a file's name, an index), by heading, one entry per row.
    """

    inputs: Tensor
    lengths: Tensor | None = None
    columns: Mapping[str, list[Any]] = field(default_factory=dict)


def joined(chunks: Iterable[Encoded], path: Path) -> Encoded:
    """Return chunks of rows as one.

    Raises DataError if the file that they are from has no rows.
    """
    found = list(chunks)
    if not found:
        raise DataError(f"{printable(str(path), limit=500)}: there is no row.")
    columns = {name: [value for chunk in found for value in chunk.columns[name]] for name in found[0].columns}
    return Encoded(torch.cat([chunk.inputs for chunk in found]), columns=columns)


class Encoder(ABC):
    """Reads new rows as the training rows were read, with what was learned from them: vocabulary, categories, sizes.

    A dataset whose Source has an encoder defines `encoder(state: Mapping[str, Any]) -> Encoder` in its option file,
    which restores it from `state()`.
    """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return all that restores it, as plain JSON values."""

    @abstractmethod
    def encode(self, path: Path) -> Encoded:
        """Return the rows of a file or folder, in its own order.

        Raises DataError naming file, row and column.
        """

    def chunks(self, path: Path) -> Iterator[Encoded]:
        """Yield the rows of `encode` in chunks, in order; override it for files that may be larger than memory."""
        yield self.encode(path)

    def decode(self, outputs: Tensor) -> Mapping[str, list[Any]] | None:
        """Return the model's outputs for a chunk, (B, K), as columns of the predictions.

        None: as the task does, the class and its probability, or the number in the target's own unit.
        """
        return None

    def candidates(self, path: Path) -> Iterator[Encoded] | None:
        """Yield for each row of a file a chunk of all candidates, to be ranked by `--top N`; None if not ranked."""
        return None


class ChunkedEncoder(Encoder):
    """An encoder that reads files in chunks, since they may be larger than memory."""

    def encode(self, path: Path) -> Encoded:
        return joined(self.chunks(path), path)

    @abstractmethod
    def chunks(self, path: Path) -> Iterator[Encoded]:
        """Yield the rows of a file or folder in chunks, in its own order.

        Raises DataError naming file, row and column.
        """


Skipped = Sequence[str] | Mapping[str, Any]
"""Bad rows that were skipped: what is wrong with each, or by file their number and the first ones."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one split.

    inputs: as in Batch, or a reader of them if they are read when they are needed. targets: (N,)
    int64 classes, or (N,) or (N, K) float32 numbers. lengths, (N,) int64, and weights, (N,) float32: as in Batch.
    """

    inputs: Tensor | Reader
    targets: Tensor
    lengths: Tensor | None = None
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Tensor) -> Rows:
        """Return the rows of `index`, (B,) int64; a copy if they are in memory."""
        lengths = None if self.lengths is None else self.lengths[index]
        return Rows(
            self.inputs[index], self.targets[index], lengths, None if self.weights is None else self.weights[index]
        )

    def in_memory(self) -> Tensor:
        """Return all inputs as one tensor.

        Raises DataError naming a file that cannot be read.
        """
        return self.inputs.read(range(len(self))) if isinstance(self.inputs, Reader) else self.inputs


Originals = Callable[[str, Rows, Sequence[int]], list[Original]]
"""Return some rows of a part of a Source, "train", "val" or "test", given its raw rows and their numbers from 0.

It may read the rows' files, and raises DataError for one that is missing or has changed.
"""


@dataclass
class Fitted:
    """What `Source.fit` returns: the model's rows, and what was learned from the training rows.

    splits: rows by split; `data.prepare` may scale them in place.
    """

    splits: dict[str, Rows]
    encoder: Encoder | None
    vocabulary_size: int | None = None  # of tokens
    num_scaled: int | None = None  # leading features to standardise; None: all
    categories: tuple[int, ...] = ()  # sizes of the trailing features that are codes, as in DataSpec
    blocks: tuple[Block, ...] = ()  # texts and images among the features, as in DataSpec
    fingerprint: str | None = None  # SHA-256 of the rows; None: that of the Source


@dataclass
class Source:
    """What a dataset's function returns: raw rows, neither split nor scaled.

    train: all rows that may be trained on; `data.prepare` holds out validation and test rows unless `val` and `test`
    are set. fit: converts raw rows to the model's; it is called once, when the split is known, with the raw rows by
    split, and may learn only from those of "train". The rows of the Source are released before, so that it may replace
    them split by split.
    """

    kind: Kind
    goal: Goal
    train: Rows
    val: Rows | None = None
    test: Rows | None = None
    class_names: Sequence[str] = ()
    value_range: tuple[float, float] | None = None  # of raw image values
    vocabulary_size: int | None = None
    encoder: Encoder | None = None  # how new rows of this kind are read
    fit: Callable[[dict[str, Rows]], Fitted] | None = None
    scaling_rows: int | None = None  # training rows that scaling is fitted on, drawn by seed; None: all
    fingerprint: str | None = None  # SHA-256 of the files and settings; None: of the rows
    notices: Sequence[str] = ()  # what the user should know before training
    skipped: Skipped = ()  # bad rows that were skipped
    continues: tuple[int, ...] = ()  # of a forecast, as in DataSpec
    season: int = 1  # as in DataSpec
    parts: Sequence[Part] = ()  # the targets, one for each column of `Rows.targets`, if there are several
    in_order: bool = False  # of time or text: rows cannot be held out in between
    originals: Originals | None = None  # some rows as the user has them
    groups: Tensor | None = None  # (N,) int64, of the rows of `train`; rows of one group are never in two splits

    def __post_init__(self) -> None:
        typed = {
            name: dataclasses.replace(rows, targets=typed_targets(self.goal, rows.targets))
            for name, rows in self.splits.items()
        }
        self.train, self.val, self.test = typed["train"], typed.get("val"), typed.get("test")

    @property
    def splits(self) -> dict[str, Rows]:
        """The rows of each split that the Source has."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: rows for name, rows in splits.items() if rows is not None}

    def with_splits(self, splits: Mapping[str, Rows]) -> Source:
        """Return the same source with other rows."""
        return dataclasses.replace(self, train=splits["train"], val=splits.get("val"), test=splits.get("test"))

    @property
    def num_outputs(self) -> int:
        """The number of classes, of possible next tokens, or of numbers to predict, as in DataSpec."""
        return num_outputs(
            self.goal, self.train.targets, class_names=self.class_names, vocabulary_size=self.vocabulary_size
        )

    def release_rows(self) -> None:
        """Drop the rows, so that they are not in memory beside the rows made from them."""
        none = torch.arange(0)
        self.train, self.val, self.test, self.groups = self.train[none], None, None, None


def fingerprint_of(splits: Mapping[str, Rows]) -> str:
    """Return the SHA-256 of rows: of types, shapes and values of each split."""
    digest = hashlib.sha256()
    for split in ("train", "val", "test"):
        rows = splits.get(split)
        if rows is None:
            continue
        prefix = "" if split == "train" else f"{split}_"  # as in the fingerprints of existing runs
        for what in ("inputs", "targets", "lengths", "weights"):
            values = getattr(rows, what)
            if values is not None:
                digest.update(f"{prefix}{what}{values.dtype}{tuple(values.shape)}".encode())
                for block in blocks_of(values):
                    digest.update(block.contiguous().numpy().data)
    return digest.hexdigest()
