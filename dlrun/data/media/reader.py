"""Rows that are one surveyed file each: computed when they are requested, or once and cached."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.paths import check_unchanged
from dlrun.data.loading.reader import Reader, one_thread, read_all
from dlrun.data.media.survey import Facts, read_unchanged
from dlrun.data.source import Encoded
from dlrun.errors import DataError

_PREDICTED_AT_ONCE = 256


class FileReader(Reader):
    """Surveyed files, each a row."""

    def __init__(self, paths: Sequence[Path], facts: Sequence[Facts]) -> None:
        self._paths = [str(path) for path in paths]
        self._stamps = np.array([(entry.size, entry.mtime_ns) for entry in facts], dtype=np.int64).reshape(-1, 2)
        self.digest = hashlib.sha256("\n".join(entry.sha256 for entry in facts).encode()).hexdigest()  # of all content

    @property
    @abstractmethod
    def decisive(self) -> Mapping[str, Any]:
        """Everything except a file's content that its row depends on, as JSON values."""

    @abstractmethod
    def row(self, content: bytes) -> Tensor:
        """Return a file's content as a row, `row_shape`.

        Raises DataError, without the file's name.
        """

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, rows: Sequence[int]) -> Tensor:
        found = torch.empty((len(rows), *self.row_shape), dtype=self.dtype)
        for number, row in enumerate(rows):
            path = Path(self._paths[row])
            content = read_unchanged(path, *self._stamp(row))
            try:
                found[number] = self.row(content)
            except DataError as error:
                raise DataError(f"{path}: {error}") from error
        return found

    def _stamp(self, row: int) -> tuple[int, int]:
        size, mtime_ns = (int(stamp) for stamp in self._stamps[row])
        return size, mtime_ns

    def check_unchanged(self) -> None:
        """Raise DataError naming a file that has changed since the survey."""
        for row, path in enumerate(self._paths):
            check_unchanged(Path(path), *self._stamp(row))

    def encoded(self) -> Iterator[Encoded]:
        """Yield all rows to predict in order, some at a time, each with its file's path."""
        for first in range(0, len(self), _PREDICTED_AT_ONCE):
            rows = range(first, min(first + _PREDICTED_AT_ONCE, len(self)))
            with one_thread():
                inputs = self.read(rows)
            yield Encoded(inputs, columns={"path": self._paths[rows.start : rows.stop]})


def read_files(readers: Mapping[str, FileReader], *, what: str) -> dict[str, Tensor]:
    """Return all rows of each split in memory, from the cache where computing them takes long. what: "images", say.

    Raises DataError naming a file that cannot be read or has changed since the survey.
    """

    def make() -> Prepared:
        return Prepared({part: read_all(reader, what=what) for part, reader in readers.items()})

    digests = {part: reader.digest for part, reader in readers.items()}
    made = cached(what.replace(" ", "_"), digests, next(iter(readers.values())).decisive, make)
    for reader in readers.values():
        reader.check_unchanged()
    return dict(made.tensors)
