"""`dataset=mnist` and `dataset=fashion_mnist` from small files of the same format."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest
import torch

from dlrun.data.arrays import idx
from dlrun.errors import DataError
from dlrun.options.datasets.fashion_mnist import fashion_mnist
from dlrun.options.datasets.mnist import mnist


def put_images(folder: Path, name: str, *values: int) -> None:
    """One image for each value, all of whose pixels are that value."""
    pixels = b"".join(bytes([value]) * 784 for value in values)
    put(folder, name, struct.pack(">4I", 0x803, len(values), 28, 28) + pixels)


def put_labels(folder: Path, name: str, *values: int) -> None:
    put(folder, name, struct.pack(">2I", 0x801, len(values)) + bytes(values))


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def fill(folder: Path, *, suffix: str = "") -> None:
    put_images(folder, idx.TRAIN_IMAGES + suffix, 7, 8, 9)
    put_labels(folder, idx.TRAIN_LABELS + suffix, 3, 0, 5)
    put_images(folder, idx.TEST_IMAGES + suffix, 200)
    put_labels(folder, idx.TEST_LABELS + suffix, 9)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dataset", [mnist, fashion_mnist])
def test_the_four_files_become_a_source(tmp_path: Path, dataset: object, suffix: str) -> None:
    fill(tmp_path, suffix=suffix)
    source = dataset(root=str(tmp_path), mirrors=[], download=False)  # type: ignore[operator]
    assert (source.kind, source.goal, source.value_range) == ("image", "multiclass", (0.0, 255.0))
    assert source.train.inputs.shape == (3, 1, 28, 28)
    assert source.train.inputs.dtype == torch.uint8
    assert source.train.inputs[:, 0, 27, 27].tolist() == [7, 8, 9]
    assert source.train.targets.tolist() == [3, 0, 5]
    assert source.test.inputs.shape == (1, 1, 28, 28)
    assert source.test.targets.tolist() == [9]
    assert len(source.class_names) == 10


def test_classes_are_named_in_the_order_of_their_labels(tmp_path: Path) -> None:
    fill(tmp_path)
    assert mnist(root=str(tmp_path), mirrors=[], download=False).class_names[7] == "7"
    names = fashion_mnist(root=str(tmp_path), mirrors=[], download=False).class_names
    assert (names[0], names[3], names[9]) == ("T-shirt/top", "Dress", "Ankle boot")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert len(mnist(root=f"~/{tmp_path.name}", mirrors=[], download=False).train) == 3


def test_every_missing_file_is_named_when_downloads_are_off(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / idx.TRAIN_LABELS).unlink()
    (tmp_path / idx.TEST_IMAGES).unlink()
    with pytest.raises(DataError) as caught:
        mnist(root=str(tmp_path), mirrors=[], download=False)
    assert str(caught.value) == (
        f"{tmp_path}: there is no train-labels-idx1-ubyte.gz (or train-labels-idx1-ubyte) and no "
        "t10k-images-idx3-ubyte.gz (or t10k-images-idx3-ubyte), and dataset.download=false. Put the missing "
        "files there, set dataset.root=FOLDER to the folder that contains them, or set dataset.download=true."
    )


@pytest.mark.parametrize(
    ("dataset", "sha256"), [(mnist, "3552534a0a558bbe"), (fashion_mnist, "a04f17134ac03560")], ids=["mnist", "fashion"]
)
def test_only_missing_files_are_downloaded_with_their_published_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: object, sha256: str
) -> None:
    fill(tmp_path)
    (tmp_path / idx.TRAIN_LABELS).unlink()
    fetched = []

    def fetch(name: str, *, sha256: str, folder: Path, mirrors: list[str], max_bytes: int) -> Path:
        fetched.append((name, sha256[:16], folder, mirrors))
        put_labels(folder, name, 1, 1, 1)
        return folder / name

    monkeypatch.setattr(idx, "fetch", fetch)
    source = dataset(root=str(tmp_path), mirrors=["https://a/"], download=True)  # type: ignore[operator]
    assert source.train.targets.tolist() == [1, 1, 1]
    assert fetched == [("train-labels-idx1-ubyte.gz", sha256, tmp_path, ["https://a/"])]


def test_each_image_needs_a_label(tmp_path: Path) -> None:
    fill(tmp_path)
    put_labels(tmp_path, idx.TEST_LABELS, 1, 2)
    with pytest.raises(DataError) as caught:
        mnist(root=str(tmp_path), mirrors=[], download=False)
    assert str(caught.value) == (
        f"{tmp_path}/t10k-labels-idx1-ubyte: expected 1 label, one for each image of t10k-images-idx3-ubyte, got 2."
    )


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    put(tmp_path, idx.TEST_IMAGES, b"rubbish, and more of it")
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: expected an IDX file of images, .* got 0x72756262"):
        mnist(root=str(tmp_path), mirrors=[], download=False)
