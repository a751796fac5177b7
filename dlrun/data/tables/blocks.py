"""Columns of texts and images as blocks of features: token ids, and pixels from -1 to 1."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.files.status_line import counted, long_work
from dlrun.data.loading.reader import one_thread, own_memory
from dlrun.data.media.images import Decoding, ImageReader
from dlrun.data.media.reader import read_files
from dlrun.data.media.survey import Facts
from dlrun.data.spec import Block
from dlrun.data.tables.columns import Column
from dlrun.data.tables.settings import TableSettings
from dlrun.data.texts.tokenizer import Tokenizer, fit_tokenizer, restored_tokenizer, split_text
from dlrun.errors import DataError
from dlrun.wording import plural, printable

_MIN_COUNT = 2  # a word that is there once teaches nothing about other rows, so it is like one never seen
_FIT = "crop"  # of images, as dataset=image_folder does by default
Floats = NDArray[np.float32]


class BlockEncoder(ABC):
    """One column of texts or images; `fit` or `restored` come before anything else."""

    kind: str

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def block(self, start: int) -> Block:
        """Return what a model needs to know of the features, the first of which is `start`."""

    @abstractmethod
    def fit(self, words: Sequence[str], codes: NDArray[np.int64]) -> None:
        """Learn from the training rows. codes: the index of each row's word, (N,), without missing ones."""

    @abstractmethod
    def table(self, words: Sequence[str]) -> Floats:
        """Return the features of each word, (len(words), width).

        Raises DataError naming an image that cannot be read.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return plain JSON values, for `restored_block`."""

    def fill(self, codes: Floats, words: Sequence[str], features: Floats) -> None:
        """Write the features of each row, (B,) codes -> (B, width), into zeros; a missing value, NaN, stays zeros."""
        present = np.flatnonzero(~np.isnan(codes))
        used, index = np.unique(codes[present].astype(np.int64), return_inverse=True)
        if len(used):
            features[present] = self.table([words[code] for code in used])[index]


class TextBlock(BlockEncoder):
    """Texts as ids of words, in lower case, ended by 0; 1 is a word that training rows lack or have only once."""

    kind = "text"

    def __init__(self, name: str, *, max_length: int, max_vocabulary: int) -> None:
        super().__init__(name)
        self._max_length, self._max_vocabulary = max_length, max_vocabulary
        self._tokenizer: Tokenizer | None = None
        self._length = 0

    @property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer."""
        if self._tokenizer is None:
            raise RuntimeError("fit comes first")
        return self._tokenizer

    def fit(self, words: Sequence[str], codes: NDArray[np.int64]) -> None:
        with long_work("Fitting the vocabulary", len(codes), unit="texts") as done:
            self._tokenizer = fit_tokenizer(
                counted((words[code] for code in codes), done),
                name="words",
                lowercase=True,
                max_vocabulary=self._max_vocabulary,
                min_count=_MIN_COUNT,
            )
        used = [words[code] for code in np.unique(codes)]
        longest = max((len(ids) for ids in self.tokenizer.ids_of(used)), default=0)
        self._length = max(1, min(self._max_length, longest))

    def block(self, start: int) -> Block:
        return Block(self.name, "text", start, (self._length,), self.tokenizer.size)

    def table(self, words: Sequence[str]) -> Floats:
        table = np.zeros((len(words), self._length), dtype=np.float32)
        for row, ids in zip(table, self.tokenizer.ids_of(words), strict=True):
            row[: len(ids)] = ids[: self._length]
        return table

    def state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "max_length": self._max_length,
            "max_vocabulary": self._max_vocabulary,
            "length": self._length,
            "tokenizer": self.tokenizer.state(),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> TextBlock:
        """Return the fitted encoder of `state`."""
        made = cls(state["name"], max_length=state["max_length"], max_vocabulary=state["max_vocabulary"])
        made._length, made._tokenizer = state["length"], restored_tokenizer(state["tokenizer"])
        return made


class ImageBlock(BlockEncoder):
    """Images as pixels from -1 to 1, channels first; a missing one is 0, a middle grey.

    A word is the path of a file. facts: of each file, by path.
    """

    kind = "image"

    def __init__(self, name: str, *, size: int, channels: int = 3) -> None:
        super().__init__(name)
        self._decoding = Decoding((size, size), _FIT, channels)
        self.facts: Mapping[str, Facts] = {}
        self._pixels: torch.Tensor | None = None
        self._index: dict[str, int] = {}

    def fit(self, words: Sequence[str], codes: NDArray[np.int64]) -> None:
        grey = all(self.facts[words[code]].properties["grey"] for code in np.unique(codes))
        self._decoding = Decoding(self._decoding.size, _FIT, 1 if grey else 3)

    def block(self, start: int) -> Block:
        return Block(self.name, "image", start, (self._decoding.channels, *self._decoding.size))

    def _reader(self, words: Sequence[str]) -> ImageReader:
        return ImageReader([Path(word) for word in words], [self.facts[word] for word in words], self._decoding)

    def load(self, words: Sequence[str]) -> None:
        """Decode every image of the words once, or take them from the preprocessing cache."""
        self._index = {word: number for number, word in enumerate(sorted(set(words)))}
        if self._index:
            self._pixels = read_files({"images": self._reader(list(self._index))}, what="images")["images"]

    def unload(self) -> None:
        """Release what `load` decoded, and the facts."""
        self._pixels, self._index, self.facts = None, {}, {}

    def table(self, words: Sequence[str]) -> Floats:
        if self._pixels is None:
            with one_thread():
                pixels = self._reader(words).read(range(len(words)))
        else:
            pixels = self._pixels[[self._index[word] for word in words]]
        return (pixels.flatten(1).float() / 127.5 - 1).numpy()  # (U, C, H, W) -> (U, C * H * W)

    def state(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "size": self._decoding.size[0],
            "channels": self._decoding.channels,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> ImageBlock:
        """Return the fitted encoder of `state`."""
        return cls(state["name"], size=state["size"], channels=state["channels"])


def block_encoders(
    columns: Sequence[Column], settings: TableSettings, facts: Sequence[Mapping[str, Facts]]
) -> list[BlockEncoder]:
    """Return an encoder for each column of texts or images, in order. facts: of the images, by file of rows."""
    made: list[BlockEncoder] = []
    for column in columns:
        if column.kind == "text":
            made.append(TextBlock(column.name, max_length=settings.max_length, max_vocabulary=settings.max_vocabulary))
        elif column.kind == "image":
            images = ImageBlock(column.name, size=settings.image_size)
            images.facts = {path: entry for part in facts for path, entry in part.items()}
            made.append(images)
    return made


def restored_block(state: Mapping[str, Any]) -> BlockEncoder:
    """Return the encoder of `state`."""
    return TextBlock.restored(state) if state["kind"] == "text" else ImageBlock.restored(state)


def check_memory(num_rows: int, num_features: int, blocks: Sequence[Block]) -> None:
    """Raise DataError if so many rows of features, float32, do not fit into memory."""
    pixels = sum(block.width for block in blocks if block.kind == "image")  # bytes, beside their float32
    needed, free = num_rows * (4 * num_features + pixels), own_memory()
    if needed > free:
        sizes = ", ".join(block.describe() for block in blocks) or "one for each number and each category"
        less = "a smaller dataset.max_length or dataset.image_size, or dataset.limit"
        if not blocks:
            less = "dataset.categories=embed, a smaller dataset.max_categories, or dataset.limit"
        raise DataError(
            f"{plural(num_rows, 'row')} of {num_features:,} features ({sizes}) need {needed / 2**30:,.1f} GiB of "
            f"memory; {free / 2**30:,.1f} GiB are free for this process. Use {less}."
        )


def text_notices(columns: Sequence[Column], words: Mapping[str, Sequence[str]], *, max_length: int) -> Iterator[str]:
    """Yield for each column of texts how long they are, and how many are cut. words: the different texts by column."""
    for column in columns:
        if column.kind == "text":
            lengths = [len(split_text(text, name="words", lowercase=False)) for text in words[column.name]]
            cut = sum(length > max_length for length in lengths)
            what = f"{plural(len(lengths), 'different text')}, {statistics.median(lengths):g} words in the middle"
            rest = f"; {cut:,} longer than {plural(max_length, 'word')} cut (dataset.max_length)" if cut else ""
            yield f"columns: {printable(column.name)}: {what}, {max(lengths):,} at most{rest}"
