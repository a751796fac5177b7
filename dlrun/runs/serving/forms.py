"""Files in the body of a form (multipart/form-data), kept in memory: a body is bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.runs.serving.requests import Fault, Refused
from dlrun.wording import plural, printable

_MOST_FIELDS = 8


@dataclass
class Form:
    """What a form has: the contents of its files in order, and its other fields."""

    files: list[bytes] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


@dataclass
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: bytes = b""
    value: bytes = b""
    content: bytearray = field(default_factory=bytearray)


class _Reading:
    """Takes the events of the parser."""

    def __init__(self, parse_options: Any, *, most_files: int) -> None:
        self._parse_options, self._most_files = parse_options, most_files
        self.form = Form()
        self.is_whole = False
        self._num_parts = 0
        self._part = _Part()

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._whole,
        }

    def _begin(self) -> None:
        self._num_parts += 1
        if self._num_parts > self._most_files + _MOST_FIELDS:
            what = f"Expected at most {plural(self._most_files, 'file')} and {_MOST_FIELDS} fields in a request."
            raise Refused(413, Fault("files", what))
        self._part = _Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._part.name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.value += data[start:end]

    def _header_end(self) -> None:
        self._part.headers[self._part.name.lower()] = self._part.value
        self._part.name = self._part.value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._part.content += data[start:end]

    def _end(self) -> None:
        _, options = self._parse_options(self._part.headers.get(b"content-disposition", b""))
        content = bytes(self._part.content)
        if b"filename" in options:
            self.form.files.append(content)
        else:
            name = options.get(b"name", b"").decode("utf-8", "replace")
            self.form.fields[name] = content[:1024].decode("utf-8", "replace")
        if len(self.form.files) > self._most_files:
            what = f"Expected at most {plural(self._most_files, 'file')} in a request; send several requests."
            raise Refused(413, Fault("files", what))
        if len(self.form.fields) > _MOST_FIELDS:
            raise Refused(422, Fault("", f"Expected at most {_MOST_FIELDS} fields besides files."))

    def _whole(self) -> None:
        self.is_whole = True


def read_form(body: bytes, content_type: str, *, most_files: int) -> Form:
    """Return the files and fields of a form; raises Refused for one that is damaged, cut off or has too many."""
    multipart = import_optional("python_multipart.multipart", extra="serve", needed_by="dlrun serve")
    _, options = multipart.parse_options_header(content_type.encode("latin-1", "replace"))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise Refused(400, Fault("", "The body is no form: its Content-Type names no boundary."))
    reading = _Reading(multipart.parse_options_header, most_files=most_files)
    try:
        parser = multipart.MultipartParser(boundary, reading.callbacks())
        parser.write(body)
        parser.finalize()
    except multipart.FormParserError as error:
        raise Refused(400, Fault("", f"The body is no form: {printable(str(error))}")) from error
    if not reading.is_whole:
        raise Refused(400, Fault("", "The form is cut off."))
    return reading.form
