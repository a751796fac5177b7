"""Files that may be somebody else's: pipes, sizes, and values that are not what they should be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.storage.reading import read_regular, restoring


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert read_regular(tmp_path / "a") == b"content"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "b")


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="it is no regular file"):
        read_regular(tmp_path / "pipe")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OSError, match="it has 1,099,511,627,776 bytes, expected at most 268,435,456"):
        read_regular(tmp_path / "sparse")


@pytest.mark.parametrize("error", [KeyError("spec"), TypeError("x"), RuntimeError("a\nb"), OverflowError("y")])
def test_odd_values_are_told_with_their_file(error: Exception) -> None:
    with (
        pytest.raises(StorageError, match=r"run: its content is not that of a checkpoint \(\w+Error: "),
        restoring(Path("run")),
    ):
        raise error


def test_errors_in_words_pass(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"^in words$"), restoring(tmp_path):
        raise StorageError("in words")
