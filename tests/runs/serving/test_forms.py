"""dlrun.runs.serving.forms: files of a form, and forms that are damaged."""

from __future__ import annotations

import pytest

from dlrun.runs.serving.forms import Form, read_form
from dlrun.runs.serving.requests import Refused

pytest.importorskip("python_multipart", reason='the extra "serve" is not installed')
TYPE = "multipart/form-data; boundary=x"


def part(name: str, content: str, *, file: bool = False) -> str:
    filename = '; filename="a.png"' if file else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n{content}\r\n'


def test_files_and_fields() -> None:
    body = (
        part("files", "one\r\n", file=True)
        + part("probabilities", "true")
        + part("other", "two", file=True)
        + "--x--\r\n"
    )
    assert read_form(body.encode(), TYPE, most_files=2) == Form([b"one\r\n", b"two"], {"probabilities": "true"})


@pytest.mark.parametrize(
    ("body", "kind", "status", "reason"),
    [
        ("", "multipart/form-data", 400, "The body is no form: its Content-Type names no boundary."),
        ("--x", TYPE, 400, "The form is cut off."),
        (part("a", "b", file=True), TYPE, 400, "The form is cut off."),
        ("hello", TYPE, 400, "The body is no form: Expected boundary character"),
        (part("a", "b", file=True) * 3 + "--x--", TYPE, 413, "Expected at most 2 files in a request; send several"),
        (part("a", "") * 11, TYPE, 413, "Expected at most 2 files and 8 fields in a request."),
        ("".join(part(f"{n}", "") for n in range(9)) + "--x--", TYPE, 422, "Expected at most 8 fields besides files."),
    ],
)  # fmt: skip
def test_what_is_told(body: str, kind: str, status: int, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read_form(body.encode(), kind, most_files=2)
    assert caught.value.status == status
    assert caught.value.faults[0].reason.startswith(reason)
