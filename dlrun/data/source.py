"""How raw rows become a model's inputs: kept in every checkpoint, so that a run alone can predict new rows."""

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

from dlrun.data.goals import Goal, num_outputs, typed_targets
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.spec import Kind
from dlrun.errors import DataError
from dlrun.wording import printable


@dataclass(frozen=True)
class Encoded:
    """New rows, ready for the model: raw inputs as a Source has them, before scaling.

    columns: what each row is called in the predictions (a file's name, an index), by heading; each has one entry a row.
    """

    inputs: Tensor
    lengths: Tensor | None = None
    columns: Mapping[str, list[Any]] = field(default_factory=dict)


def joined(chunks: Iterable[Encoded], path: Path) -> Encoded:
    """Chunks of rows of one shape as one.

    Raises DataError when the file that they are from has none.
    """
    found = list(chunks)
    if not found:
        raise DataError(f"{printable(str(path), limit=500)}: there are no rows.")
    columns = {name: [value for chunk in found for value in chunk.columns[name]] for name in found[0].columns}
    return Encoded(torch.cat([chunk.inputs for chunk in found]), columns=columns)


class Encoder(ABC):
    """What was learnt from the training rows about reading rows of this kind: vocabulary, categories, sizes.

    A dataset whose Source has an encoder offers `encoder(state: Mapping[str, Any]) -> Encoder` in its option file,
    which makes it again from `state()`.
    """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything it knows, as plain JSON values."""

    @abstractmethod
    def encode(self, path: Path) -> Encoded:
        """Read a file or folder of new rows, in its own order.

        Raises DataError naming file, row and column.
        """

    def chunks(self, path: Path) -> Iterator[Encoded]:
        """The rows of `encode` in pieces, in order; for what is larger than memory, yield it bit by bit."""
        yield self.encode(path)

    def decode(self, outputs: Tensor) -> Mapping[str, list[Any]] | None:
        """The model's outputs for a chunk, (B, K), as columns of the predictions.

        None leaves it to the task: the class and its probability, or the number in the target's own unit.
        """
        return None

    def candidates(self, path: Path) -> Iterator[Encoded] | None:
        """For `--top N`: for each row of the file, a chunk of every answer there is; None where nothing is ranked."""
        return None


Skipped = Sequence[str] | Mapping[str, Any]
"""Rows that were skipped because they are bad: each with why, or how many by file and the first of them."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one split.

    inputs: uint8 or float32, as in Batch, or a reader of them where they are read as they are needed. targets: (N,)
    int64 classes, or (N,) or (N, K) float32 numbers. lengths: (N,) int64, as in Batch.
    """

    inputs: Tensor | Reader
    targets: Tensor
    lengths: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: Tensor) -> Rows:
        """The rows of `index`, (B,) int64; a copy where they are in memory."""
        return Rows(self.inputs[index], self.targets[index], None if self.lengths is None else self.lengths[index])

    def in_memory(self) -> Tensor:
        """All inputs as one tensor.

        Raises DataError naming a file that cannot be read.
        """
        return self.inputs.read(range(len(self))) if isinstance(self.inputs, Reader) else self.inputs


@dataclass
class Fitted:
    """What `Source.fit` returns: the model's inputs, and what was learned from the training rows to make them.

    splits: rows by split; they belong to `data.prepare`, which may scale them in place.
    """

    splits: dict[str, Rows]
    encoder: Encoder | None
    vocabulary_size: int | None = None  # tokens: how many different ones
    num_scaled: int | None = None  # leading features to standardise, the rest is left alone; None: all
    categories: tuple[int, ...] = ()  # sizes of the trailing columns that hold codes, as in DataSpec
    fingerprint: str | None = None  # SHA-256 of the rows, where neither the Source nor its raw rows have one


@dataclass
class Source:
    """What a dataset's function returns: raw rows, neither split nor scaled.

    train: all rows that may be trained on; `data.prepare` holds out those of `val` and `test`, unless given here.
    fit: turns raw rows into the model's, once the split is known: it is called once, with raw rows by split, and may
    learn from those of "train" alone. The Source's own rows are released before, so that it may replace split by split.
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
    scaling_rows: int | None = None  # scaling is fitted on so many training rows, drawn by seed; None: on all of them
    fingerprint: str | None = None  # of the files and settings that the rows are from; else of the rows themselves
    notices: Sequence[str] = ()  # what its user should know before training
    skipped: Skipped = ()  # bad rows that were skipped

    def __post_init__(self) -> None:
        typed = {
            name: dataclasses.replace(rows, targets=typed_targets(self.goal, rows.targets))
            for name, rows in self.splits.items()
        }
        self.train, self.val, self.test = typed["train"], typed.get("val"), typed.get("test")

    @property
    def splits(self) -> dict[str, Rows]:
        """The rows by split, of those that it has."""
        splits = {"train": self.train, "val": self.val, "test": self.test}
        return {name: rows for name, rows in splits.items() if rows is not None}

    def with_splits(self, splits: Mapping[str, Rows]) -> Source:
        """The same source with other rows."""
        return dataclasses.replace(self, train=splits["train"], val=splits.get("val"), test=splits.get("test"))

    @property
    def num_outputs(self) -> int:
        """How many classes, tokens that may come next, or numbers to predict there are, as in DataSpec."""
        return num_outputs(
            self.goal, self.train.targets, class_names=self.class_names, vocabulary_size=self.vocabulary_size
        )

    def release_rows(self) -> None:
        """Let go of the rows, so that they are not held beside what is made of them."""
        none = torch.arange(0)
        self.train, self.val, self.test = self.train[none], None, None


def fingerprint_of(splits: Mapping[str, Rows]) -> str:
    """SHA-256 of rows: types, shapes and values of each split."""
    digest = hashlib.sha256()
    for split in ("train", "val", "test"):
        if split not in splits:
            continue
        prefix = "" if split == "train" else f"{split}_"  # what run folders were digested with
        for what, values in vars(splits[split]).items():
            if values is not None:
                digest.update(f"{prefix}{what}{values.dtype}{tuple(values.shape)}".encode())
                for block in blocks_of(values):
                    digest.update(block.contiguous().numpy().data)
    return digest.hexdigest()
