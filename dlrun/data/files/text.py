"""Text files of the user's own, read whole and decoded as they should be."""

from __future__ import annotations

from pathlib import Path

from dlrun.errors import DataError


def read_bytes(path: Path) -> bytes:
    """All of a file.

    Raises DataError when it cannot be read or is empty.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    if not content.strip():
        raise DataError(f"{path}: the file is empty.")
    return content


def read_text(path: Path, *, encoding: str = "utf-8") -> str:
    """All of a text file, line ends as they are, without a byte order mark.

    Raises DataError, with the line, for NUL bytes and for bytes that the encoding does not have.
    """
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line}: byte {content[error.start]:#04x} is not {encoding}. "
            "Say how the file is encoded, for example dataset.encoding=latin-1."
        ) from error
    except LookupError as error:
        raise DataError(f'{path}: there is no encoding "{encoding}"; try utf-8, utf-16 or latin-1.') from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path}: line {line}: a NUL character; the file is damaged, not text, or not {encoding}.")
    return text
