"""`dlrun.data.arrays.idx`: complete files are read, and damaged ones reported."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
import torch

from dlrun.data.arrays import idx
from dlrun.data.arrays.idx import read_images, read_labels
from dlrun.errors import DataError


def images(count: int = 2, *, magic: int = 0x803, side: int = 28, pixels: bytes | None = None) -> bytes:
    body = bytes(range(256)) * 7 if pixels is None else pixels
    return struct.pack(">4I", magic, count, side, 28) + (body[: count * side * 28] if pixels is None else body)


def labels(*values: int, magic: int = 0x801, count: int | None = None) -> bytes:
    return struct.pack(">2I", magic, len(values) if count is None else count) + bytes(values)


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_images_keep_their_bytes_row_by_row(tmp_path: Path, name: str) -> None:
    read = read_images(put(tmp_path, name, images(2)))
    assert read.shape == (2, 1, 28, 28)
    assert read.dtype == torch.uint8
    assert read[0, 0, 0, :3].tolist() == [0, 1, 2]
    assert int(read[0, 0, 1, 0]) == 28
    assert int(read[1, 0, 0, 0]) == 784 % 256


@pytest.mark.parametrize("name", ["labels", "labels.gz"])
def test_labels_are_integers(tmp_path: Path, name: str) -> None:
    read = read_labels(put(tmp_path, name, labels(0, 9, 4)))
    assert read.tolist() == [0, 9, 4]
    assert read.dtype == torch.int64


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (images(magic=0x801), "expected an IDX file of images, which begins with 0x00000803; got 0x00000801."),
        (images(side=27), "expected images of 28x28 pixels, got 28x27."),
        (images()[:10], "expected a header of 16 bytes, got a file of 10."),
        (b"", "expected a header of 16 bytes, got a file of 0."),
        (images(0, pixels=b""), "expected from 1 to 1000000 images, got 0."),
        (images(4_000_000_000, pixels=b""), "expected from 1 to 1000000 images, got 4000000000."),
        (images(2)[:-1], "expected 1,568 pixels of 2 images after the header, got 1567."),
        (images(2) + b"x", "expected 1,568 pixels of 2 images after the header, got more."),
    ],
)
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_damaged_file_of_images_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = put(tmp_path, name, content)
    with pytest.raises(DataError) as caught:
        read_images(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (labels(1, magic=0x803), "expected an IDX file of labels, which begins with 0x00000801; got 0x00000803."),
        (labels(1, 2, count=3), "expected 3 bytes of 3 labels after the header, got 2."),
        (labels(1, 2, count=1), "expected 1 byte of 1 label after the header, got more."),
        (labels(3, 10, 11), "row 1: expected a label from 0 to 9, got 10."),
    ],
)
def test_a_damaged_file_of_labels_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = put(tmp_path, "labels", content)
    with pytest.raises(DataError) as caught:
        read_labels(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (gzip.compress(images())[:-20], "Compressed file ended before the end-of-stream marker was reached"),
        (b"not gzip at all", "Not a gzipped file"),
        (gzip.compress(images())[:10] + b"\xff" * 60, "Error -3 while decompressing"),
    ],
    ids=["truncated", "no gzip", "no deflate"],  # not the bytes, which hold the time
)
def test_a_damaged_gzip_is_refused(tmp_path: Path, packed: bytes, reason: str) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(packed)
    with pytest.raises(DataError) as caught:
        read_images(path)
    assert str(caught.value).startswith(f"{path}: damaged or cannot be read ({reason}")
    assert str(caught.value).endswith("). Remove it to have it downloaded again.")


def test_a_wrong_checksum_inside_the_gzip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(images()))
    packed[-8] ^= 1
    path = tmp_path / "images.gz"
    path.write_bytes(packed)
    with pytest.raises(DataError, match="CRC check failed"):
        read_images(path)


def test_no_more_is_unpacked_than_the_header_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    read = idx._read

    def counting(file: object, path: Path, size: int) -> bytes:
        asked.append(size)
        return read(file, path, size)  # type: ignore[arg-type]

    monkeypatch.setattr(idx, "_read", counting)
    with pytest.raises(DataError, match="got more"):
        read_images(put(tmp_path, "images.gz", images(1, pixels=bytes(50_000_000))))
    assert asked == [16, 785]


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_images(tmp_path)
