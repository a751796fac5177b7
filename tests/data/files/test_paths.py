"""Files that are not there, are empty, or are not text."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.data.files.paths import locate
from dlrun.data.files.text import read_text
from dlrun.errors import DataError


def test_a_file_of_the_users_own_and_one_that_comes_with_dlrun(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    assert locate(str(tmp_path / "mine.csv")) == tmp_path / "mine.csv"
    assert locate("example:weather.csv").name == "weather.csv"


def test_what_is_no_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    with pytest.raises(DataError, match=r'mime.csv: there is no such file. Did you mean "mine.csv"\?'):
        locate(str(tmp_path / "mime.csv"))
    with pytest.raises(DataError, match="expected a file, got a folder"):
        locate(str(tmp_path))
    with pytest.raises(DataError, match=r'example:wether.csv: there is no such example. Did you mean "weather.csv"\?'):
        locate("example:wether.csv")
    with pytest.raises(DataError, match="there is no such file"):
        locate("nowhere/at/all.csv")


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"x.txt: the file is empty"):
        read_text(tmp_path / "x.txt")


def test_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbftext\r\n")
    assert read_text(tmp_path / "x.txt") == "text\r\n"
    (tmp_path / "x.txt").write_bytes("text".encode("utf-16"))
    assert read_text(tmp_path / "x.txt", encoding="utf-16") == "text"


def test_what_is_not_text_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"one\ntwo \xe9t\xe9\n")
    with pytest.raises(DataError, match=r"x.txt: line 2: byte 0xe9 is not utf-8. .*dataset.encoding=latin-1"):
        read_text(tmp_path / "x.txt")
    assert read_text(tmp_path / "x.txt", encoding="latin-1") == "one\ntwo été\n"
    with pytest.raises(DataError, match='there is no encoding "klingon"; try utf-8'):
        read_text(tmp_path / "x.txt", encoding="klingon")
    (tmp_path / "x.txt").write_bytes(b"one\ntwo\n\0\n")
    with pytest.raises(DataError, match="line 3: a NUL character"):
        read_text(tmp_path / "x.txt")
