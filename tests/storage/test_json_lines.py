"""dlrun.storage.json_lines: whole lines survive half of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.storage.json_lines import append_line, read_lines, replace_lines


def test_lines_are_added_and_read(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    assert read_lines(path) == []
    append_line(path, {"a": 1})
    append_line(path, {"a": 2})
    assert path.read_text() == '{"a": 1}\n{"a": 2}\n'
    assert read_lines(path) == [{"a": 1}, {"a": 2}]


def test_half_a_line_is_left_out_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "b"')
    assert read_lines(path) == [{"a": 1}]
    append_line(path, {"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]
    replace_lines(path, read_lines(path))
    assert path.read_text() == '{"a": 1}\n{"a": 3}\n'


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"could not be read \(Is a directory\)"):
        read_lines(tmp_path)
    with pytest.raises(StorageError, match=r"could not be written \(Is a directory\)"):
        append_line(tmp_path, {})
