"""IDX, the format of MNIST: a magic number, the sizes, then bytes; four files are a dataset.

The format is described by LeCun, Cortes and Burges at http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from dlrun.data.files.download import fetch, missing_files
from dlrun.data.source import Rows, Source
from dlrun.errors import DataError
from dlrun.wording import plural

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"

_IMAGES_MAGIC = 0x00000803  # unsigned bytes in three dimensions
_LABELS_MAGIC = 0x00000801  # unsigned bytes in one dimension
_SIDE = 28
_NUM_CLASSES = 10
_MAX_ROWS = 1_000_000
_MAX_DOWNLOAD_BYTES = 64 << 20


def idx_source(
    root: str, *, checksums: Mapping[str, str], mirrors: Sequence[str], download: bool, class_names: Sequence[str]
) -> Source:
    """Return images (N, 1, 28, 28) uint8 and labels (N,) int64 from the four files in the folder `root`.

    Each may be gzipped (`NAME.gz`) or not (`NAME`); missing files are downloaded. checksums: the SHA-256 of each
    published file, gzipped, which only downloads are compared with.

    Raises DataError for a file that is missing or damaged.
    """
    folder = Path(os.path.expanduser(root))
    paths = {name: _find(folder, name) for name in checksums}
    missing = [name for name, path in paths.items() if path is None]
    if missing and not download:
        raise missing_files(" and no ".join(f"{name}.gz (or {name})" for name in missing), folder=folder)
    found = {
        name: path
        or fetch(f"{name}.gz", sha256=checksums[name], folder=folder, mirrors=mirrors, max_bytes=_MAX_DOWNLOAD_BYTES)
        for name, path in paths.items()
    }
    images, labels = _read_pair(found[TRAIN_IMAGES], found[TRAIN_LABELS])
    test_images, test_labels = _read_pair(found[TEST_IMAGES], found[TEST_LABELS])
    return Source(
        "image",
        "multiclass",
        train=Rows(images, labels),
        test=Rows(test_images, test_labels),
        class_names=class_names,
        value_range=(0.0, 255.0),
    )


def read_images(path: Path) -> Tensor:
    """Return the images of an IDX file, gzipped if its name ends in `.gz`, (N, 1, 28, 28) uint8.

    Raises DataError for anything but a complete file of 28x28 images.
    """
    with _open(path) as file:
        count, height, width = _read_header(file, path, magic=_IMAGES_MAGIC, what="images")
        if (height, width) != (_SIDE, _SIDE):
            raise DataError(f"{path}: expected images of {_SIDE}x{_SIDE} pixels, got {width}x{height}.")
        pixels = _read_exactly(file, path, count * height * width, what="pixel", of=plural(count, "image"))
    return pixels.reshape(count, 1, height, width)  # (N * H * W,) -> (N, 1, H, W)


def read_labels(path: Path) -> Tensor:
    """Return the labels of an IDX file, gzipped if its name ends in `.gz`, (N,) int64 from 0 to 9.

    Raises DataError for anything but a complete file of labels from 0 to 9.
    """
    with _open(path) as file:
        (count,) = _read_header(file, path, magic=_LABELS_MAGIC, what="labels")
        labels = _read_exactly(file, path, count, what="byte", of=plural(count, "label")).to(torch.int64)
    too_high = (labels >= _NUM_CLASSES).nonzero()
    if len(too_high):
        row = int(too_high[0])
        raise DataError(f"{path}: row {row}: expected a label from 0 to {_NUM_CLASSES - 1}, got {int(labels[row])}.")
    return labels


def _find(folder: Path, name: str) -> Path | None:
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            return path
    return None


def _read_pair(images_path: Path, labels_path: Path) -> tuple[Tensor, Tensor]:
    images, labels = read_images(images_path), read_labels(labels_path)
    if len(images) != len(labels):
        expected = plural(len(images), "label")
        raise DataError(
            f"{labels_path}: expected {expected}, one for each image of {images_path.name}, got {len(labels)}."
        )
    return images, labels


def _open(path: Path) -> BinaryIO:
    try:
        return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _read_header(file: BinaryIO, path: Path, *, magic: int, what: str) -> tuple[int, ...]:
    """The sizes after the magic number, whose lowest byte is their count."""
    size = 4 + 4 * (magic & 0xFF)
    header = _read(file, path, size)
    if len(header) < size:
        raise DataError(f"{path}: expected a header of {size} bytes, got a file of {len(header)}.")
    found, *sizes = struct.unpack(f">{size // 4}I", header)
    if found != magic:
        raise DataError(f"{path}: expected an IDX file of {what}, which begins with 0x{magic:08x}; got 0x{found:08x}.")
    if not 1 <= sizes[0] <= _MAX_ROWS:
        raise DataError(f"{path}: expected from 1 to {_MAX_ROWS} {what}, got {sizes[0]}.")
    return tuple(sizes)


def _read_exactly(file: BinaryIO, path: Path, size: int, *, what: str, of: str) -> Tensor:
    """The rest of the file, (size,) uint8; one byte more is requested, to check that nothing follows."""
    data = _read(file, path, size + 1)
    if len(data) != size:
        got = f"{len(data)}" if len(data) < size else "more"
        raise DataError(f"{path}: expected {plural(size, what)} of {of} after the header, got {got}.")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _read(file: BinaryIO, path: Path, size: int) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{path}: damaged or cannot be read ({reason}). Remove it to have it downloaded again."
        raise DataError(message) from error
