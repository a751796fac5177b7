"""`dataset=cifar10` from small files of the same format."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import torch

from dlrun.data.arrays import cifar as module
from dlrun.data.source import Source
from dlrun.errors import DataError
from dlrun.options.datasets.cifar10 import cifar10

FILES = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
FOLDER = "cifar-10-batches-bin"


def row(label: int) -> bytes:
    """A label, then 1,024 times each of red 10, green 20, blue 30."""
    return bytes([label]) + b"".join(bytes([value]) * 1024 for value in (10, 20, 30))


def contents() -> dict[str, bytes]:
    """Two rows in the first file and one in each other."""
    return {name: row(number) for number, name in enumerate(FILES)} | {FILES[0]: row(9) + row(8)}


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def plain(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(f"{FOLDER}/{name}")
    member.size = len(content)
    return member, content


def put_archive(folder: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return path


def members() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [plain(name, content) for name, content in contents().items()]


def load(root: Path, *, download: bool = False) -> Source:
    return cifar10(root=str(root), mirrors=["https://a/"], download=download)


def check(source: Source) -> None:
    assert (source.kind, source.goal, source.value_range) == ("image", "multiclass", (0.0, 255.0))
    assert source.train.inputs.shape == (6, 3, 32, 32)
    assert source.train.inputs.dtype == torch.uint8
    assert source.train.inputs[0, :, 31, 31].tolist() == [10, 20, 30]
    assert source.train.targets.tolist() == [9, 8, 1, 2, 3, 4]
    assert source.test is not None
    assert source.test.inputs.shape == (1, 3, 32, 32)
    assert source.test.targets.tolist() == [5]
    assert source.class_names[0] == "airplane"
    assert source.class_names[9] == "truck"


@pytest.mark.parametrize("place", [".", FOLDER])
def test_the_files_are_read_from_either_folder(tmp_path: Path, place: str) -> None:
    put(tmp_path / place, contents())
    check(load(tmp_path))


def test_the_archive_is_read_and_nothing_is_unpacked(tmp_path: Path) -> None:
    readme = plain("readme.html", b"hello")
    path = put_archive(tmp_path, [readme, *members()])
    check(load(tmp_path))
    assert list(tmp_path.iterdir()) == [path]


def test_the_archive_is_downloaded_when_nothing_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, *, sha256: str, folder: Path, mirrors: list[str], max_bytes: int) -> Path:
        assert (name, sha256[:8], folder, mirrors) == ("cifar-10-binary.tar.gz", "c4a38c50", tmp_path, ["https://a/"])
        return put_archive(folder, members())

    monkeypatch.setattr(module, "fetch", fetch)
    check(load(tmp_path, download=True))


def test_missing_files_without_download_are_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: there is no cifar-10-binary.tar.gz (or cifar-10-batches-bin), and dataset.download=false. Put "
        "the missing files there, set dataset.root=FOLDER to the folder that contains them, or set "
        "dataset.download=true."
    )


@pytest.mark.parametrize("name", ["cifar-10-python.tar.gz", "cifar-10-batches-py"])
def test_the_pickled_version_is_never_read_and_the_error_says_why(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"a pickle")
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value).splitlines()[1] == (
        f"{tmp_path}/{name} is the version in Python's pickle format, which dlrun never reads: reading a pickle can "
        "run code. The binary version has the same images."
    )


def test_some_missing_files_are_reported(tmp_path: Path) -> None:
    put(tmp_path, {FILES[0]: row(0), FILES[2]: row(0), FILES[3]: row(0), FILES[4]: row(0)})
    with pytest.raises(DataError) as caught:
        load(tmp_path, download=True)
    assert str(caught.value) == (
        f"{tmp_path}: expected 6 files, got only some; missing: data_batch_2.bin, test_batch.bin."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (row(1)[:-1], "expected rows of 3073 bytes (a label, then 3x32x32), got 3072 bytes."),
        (row(1) + b"x", "expected rows of 3073 bytes (a label, then 3x32x32), got 3074 bytes."),
        (b"", "expected rows of 3073 bytes (a label, then 3x32x32), got 0 bytes."),
        (row(1) + row(10), "row 1: expected a label from 0 to 9, got 10."),
    ],
)
def test_a_damaged_file_is_refused_in_a_folder_and_in_the_archive(tmp_path: Path, content: bytes, message: str) -> None:
    put(tmp_path / "plain", contents() | {FILES[3]: content})
    with pytest.raises(DataError) as caught:
        load(tmp_path / "plain")
    assert str(caught.value) == f"{tmp_path}/plain/data_batch_4.bin: {message}"
    path = put_archive(tmp_path, [*members()[:3], plain(FILES[3], content)])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{path}: {FOLDER}/data_batch_4.bin: {message}"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_link_in_the_archive_is_refused(tmp_path: Path, kind: bytes) -> None:
    link = tarfile.TarInfo(f"{FOLDER}/data_batch_1.bin")
    link.type, link.linkname = kind, "/etc/hostname"
    path = put_archive(tmp_path, [(link, b""), *members()[1:]])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    message = "data_batch_1.bin: expected a plain file, got a link or something else."
    assert str(caught.value) == f"{path}: {FOLDER}/{message}"


def test_a_name_that_leads_elsewhere_is_not_read(tmp_path: Path) -> None:
    member, content = plain(FILES[0], row(0))
    member.name = f"../{FOLDER}/data_batch_1.bin"
    path = put_archive(tmp_path, [(member, content), *members()[1:]])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{path}: expected 6 files of images, got 5; missing: {FOLDER}/data_batch_1.bin."


def test_a_file_twice_in_the_archive_is_refused(tmp_path: Path) -> None:
    path = put_archive(tmp_path, [*members(), plain(FILES[1], row(0))])
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert str(caught.value) == f"{path}: {FOLDER}/data_batch_2.bin: expected once, got it twice."


@pytest.mark.parametrize(
    "content", [b"", b"not an archive", b"\x1f\x8b\x08\x00" + b"\xff" * 40], ids=["empty", "text", "damaged gzip"]
)
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"tar\.gz: damaged or cannot be read .*Remove it to have it downloaded again"):
        load(tmp_path)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = put_archive(tmp_path, members())
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"damaged or cannot be read .*end-of-stream"):
        load(tmp_path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ARCHIVE_BYTES", 100_000)
    put_archive(tmp_path, [plain("padding", bytes(200_000)), *members()])
    with pytest.raises(DataError, match="expected at most 100000 bytes unpacked, got more"):
        load(tmp_path)


def test_a_file_that_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_FILE_BYTES", 3073)
    put(tmp_path, contents())
    with pytest.raises(DataError, match=r"data_batch_1\.bin: expected at most 3073 bytes, got more"):
        load(tmp_path)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path, contents())
    (tmp_path / FILES[2]).unlink()
    (tmp_path / FILES[2]).mkdir()
    with pytest.raises(DataError, match=r"data_batch_3\.bin: cannot be read \(Is a directory\)"):
        load(tmp_path)
