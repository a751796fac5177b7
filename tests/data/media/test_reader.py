"""`dlrun.data.media.reader`: surveyed files as rows, read again or from the cache, and files that change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dlrun.data.files import cache
from dlrun.data.media.reader import FileReader, read_files
from dlrun.data.media.survey import survey
from dlrun.errors import DataError


class Lengths(FileReader):
    """Rows of one number, the length of a file; 3 is bad."""

    dtype = torch.int64
    row_shape = (1,)
    unit = 1

    @property
    def decisive(self) -> Mapping[str, Any]:
        return {"unit": self.unit}

    def row(self, content: bytes) -> Tensor:
        if len(content) == 3:
            raise DataError("has 3 bytes.")
        return torch.tensor([len(content) // self.unit])


def reader(folder: Path, *lengths: int) -> Lengths:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.txt" for number in range(len(lengths))]
    for path, length in zip(paths, lengths, strict=True):
        path.write_bytes(b"x" * length)
    facts = survey(paths, lambda content: {}, kind="a", refuse=lambda number, text: None)
    return Lengths(paths, [entry for entry in facts if entry is not None])


def test_rows_are_read_in_the_requested_order(tmp_path: Path) -> None:
    found = reader(tmp_path / "data", 5, 1, 7)
    assert found.shape == (3, 1)
    assert found.read([2, 0, 2]).tolist() == [[7], [5], [7]]
    (chunk,) = found.encoded()
    assert chunk.inputs.tolist() == [[5], [1], [7]]
    assert chunk.columns == {"path": [f"{tmp_path}/data/{number}.txt" for number in range(3)]}


def test_a_bad_row_has_its_file_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^.*data/1\.txt: has 3 bytes\.$"):
        reader(tmp_path / "data", 5, 3).read([0, 1])


def test_a_file_that_changed_since_the_survey_is_an_error(tmp_path: Path) -> None:
    found = reader(tmp_path / "data", 5, 1)
    found.check_unchanged()
    (tmp_path / "data/1.txt").write_bytes(b"xx")
    for read in (found.check_unchanged, lambda: found.read([1]), lambda: read_files({"train": found}, what="files")):
        with pytest.raises(DataError, match=r"data/1\.txt: changed while the run was reading it"):
            read()


def test_splits_are_read_once_and_then_come_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_WORTH_S", 0)
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    readers = {"train": reader(tmp_path / "a", 5, 1), "val": reader(tmp_path / "b", 7)}
    for _ in range(2):
        found = read_files(readers, what="audio files")
        assert {split: rows.tolist() for split, rows in found.items()} == {"train": [[5], [1]], "val": [[7]]}
        monkeypatch.setattr(Lengths, "row", None)
    assert [path.name.rpartition("-")[0] for path in cache.folder().glob("*.json")] == ["audio_files"]
    monkeypatch.undo()
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Lengths, "unit", 2)
    assert read_files(readers, what="audio files")["val"].tolist() == [[3]], "other settings are another entry"
