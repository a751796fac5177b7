"""`dlrun.data.files.text`: encodings, byte order marks, and files that are not text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlrun.data.files import text
from dlrun.data.files.text import decoded, read_text
from dlrun.errors import ConfigError, DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.txt"


@pytest.mark.parametrize("content", [b"", b" \n\n"])
def test_an_empty_file(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x.txt: the file is empty"):
        read_text(path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)


def test_a_byte_order_mark_is_not_part_of_the_text(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbftext\r\n")
    assert read_text(path) == "text\r\n"
    path.write_bytes("text".encode("utf-16"))
    assert read_text(path, encoding="utf-16") == "text"


def test_a_byte_of_another_encoding_has_its_line_in_the_error(path: Path) -> None:
    path.write_bytes(b"one\ntwo \xe9t\xe9\n")
    with pytest.raises(DataError, match=r"x.txt: line 2: byte 0xe9 is not UTF-8\. .*dataset.encoding=cp1252"):
        read_text(path)
    assert read_text(path, encoding="latin-1") == "one\ntwo été\n"
    with pytest.raises(DataError, match=r"x.txt: line 2: byte 0xe9 is not ascii\."):
        read_text(path, encoding="ascii")
    with pytest.raises(DataError, match=r"x.txt: line 2: byte 0xe9 is not UTF-8\. Save the file as UTF-8\.$"):
        list(decoded(path, encoding=None))


@pytest.mark.parametrize("content", [b"one\ntwo\n\xe2\x82", b"one\ntwo\n\xe2\x82\nfour\n"])
def test_a_character_that_is_cut_off_has_its_line_in_the_error(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match="line 3: byte 0xe2 is not UTF-8"):
        read_text(path)


def test_half_a_utf_16_character_has_its_line_in_the_error(path: Path) -> None:
    path.write_bytes("one\ntwo\n".encode("utf-16") + b"x")
    with pytest.raises(DataError, match="line 3: byte 0x78 is not utf-16"):
        read_text(path, encoding="utf-16")


def test_utf_16_is_recognised(path: Path) -> None:
    path.write_bytes("text".encode("utf-16"))
    with pytest.raises(DataError, match=r"the file is UTF-16\. Set the encoding .*dataset.encoding=utf-16"):
        read_text(path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_nul_character_has_its_line_in_the_error(encoding: str, path: Path) -> None:
    path.write_bytes(b"one\ntwo\n\0\n")
    with pytest.raises(DataError, match=r"line 3 has a NUL character; is this a text file\?"):
        read_text(path, encoding=encoding)


@pytest.mark.parametrize("encoding", ["klingon", "hex"])
def test_an_unknown_encoding_is_a_configuration_error(encoding: str, path: Path) -> None:
    path.write_bytes(b"text")
    with pytest.raises(ConfigError) as caught:
        read_text(path, encoding=encoding)
    (problem,) = caught.value.problems
    assert problem.where == "dataset.encoding"
    assert problem.message == f'There is no encoding "{encoding}"; try utf-8, cp1252, latin-1 or utf-16.'


def test_pieces_of_a_file_are_the_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_CHUNK_BYTES", 3)
    content = "é€\n😀x\n".encode()
    path.write_bytes(content)
    pieces = list(decoded(path, encoding="utf-8"))
    assert b"".join(chunk for chunk, _ in pieces) == content
    assert "".join(part for _, part in pieces) == "é€\n😀x\n"
    path.write_bytes(content + b"\n\xff")
    with pytest.raises(DataError, match=re.escape("line 4: byte 0xff is not UTF-8")):
        list(decoded(path, encoding="utf-8"))
