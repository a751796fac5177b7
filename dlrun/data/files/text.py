"""Text files, decoded and checked: their encoding, NUL characters, byte order marks."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

_CHUNK_BYTES = 4 << 20
_UTF8 = ("utf-8", "utf8")


def codec_of(encoding: str | None) -> str:
    """Return the codec of an encoding; UTF-8, the meaning of None, may begin with a byte order mark.

    Raises ConfigError for an encoding that Python does not have.
    """
    if encoding is None or encoding.lower().replace("_", "-") in _UTF8:
        return "utf-8-sig"
    try:
        " ".encode(encoding)  # a codec that is not for texts, as "hex", raises here
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError) as error:
        what = f'There is no encoding "{printable(encoding)}"; try utf-8, cp1252, latin-1 or utf-16.'
        raise ConfigError(Problem("dataset.encoding", what, id="wrong-value", fix="dataset.encoding=utf-8")) from error
    return encoding


def decoded(path: Path, *, encoding: str | None) -> Iterator[tuple[bytes, str]]:
    """Read a text file in pieces of some megabytes, each as bytes and as text, without a byte order mark.

    encoding: as Python names it; None is UTF-8 for files whose encoding no option names.
    Raises DataError, with the line, for bytes that are not in the encoding and for NUL characters.
    """
    codec = codec_of(encoding)
    decoder = codecs.getincrementaldecoder(codec)()
    shown = printable(str(path), limit=500)
    line = 1
    try:
        with path.open("rb") as stream:
            while True:
                chunk = stream.read(_CHUNK_BYTES)
                if line == 1 and codec == "utf-8-sig" and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                    raise DataError(f"{shown}: the file is UTF-16. {_advice(encoding, 'utf-16')}")
                text = decoder.decode(chunk, final=not chunk)
                if "\0" in text:
                    line += text.count("\n", 0, text.index("\0"))
                    raise DataError(f"{shown}: line {line} has a NUL character; is this a text file?")
                if not chunk:
                    return
                line += text.count("\n")
                yield chunk, text
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(error.encoding, errors="replace").count("\n")
        named = "UTF-8" if codec == "utf-8-sig" else encoding
        what = f"byte {error.object[error.start]:#04x} is not {named}"
        raise DataError(f"{shown}: line {line}: {what}. {_advice(encoding, 'cp1252')}") from error
    except OSError as error:
        raise DataError(f"{shown}: cannot be read ({error.strerror}).") from error


def _advice(encoding: str | None, example: str) -> str:
    if encoding is None:
        return "Save the file as UTF-8."
    return f"Set the encoding of the file, for example dataset.encoding={example}."


def read_text(path: Path, *, encoding: str = "utf-8") -> str:
    """Return all of a text file; line ends stay as they are.

    Raises DataError as `decoded` does, and when the file has no text.
    """
    text = "".join(text for _, text in decoded(path, encoding=encoding))
    if not text or text.isspace():
        raise DataError(f"{printable(str(path), limit=500)}: the file is empty.")
    return text
