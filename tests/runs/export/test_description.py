"""dlrun.runs.export.description: the JSON beside a file, written and read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dlrun.errors import StorageError
from dlrun.runs.export.description import as_bytes, describe, read_description
from dlrun.runs.export.graph import graph_of
from tests.runs.export.conftest import Load


def write(**changes: Any) -> Path:
    """Write a file and its JSON."""
    Path("m.pt2").write_bytes(b"content")
    about = {"format": "dlrun-export", "version": 1, "file": {"sha256": hashlib.sha256(b"content").hexdigest()}}
    Path("m.pt2.json").write_bytes(as_bytes({**about, **changes}))
    return Path("m.pt2")


def test_it_says_all_that_a_program_needs(loaded: Load) -> None:
    run = loaded("mixed")
    graph = graph_of(run)
    about = describe(run, content=b"x", name="m.onnx", kind="onnx", inputs=graph.inputs, outputs=graph.outputs)
    assert about["file"] == {
        "name": "m.onnx",
        "format": "onnx",
        "bytes": 1,
        "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
    }
    assert about["run"] == {"dataset": "table", "model": "mlp", "step": run.step, "seed": 0}
    assert [value["name"] for value in about["inputs"]] == ["numbers", "categories", "text_1", "image_1"]
    columns = {column["name"]: column for column in about["preprocessing"]["columns"]}
    assert [columns[name]["place"] for name in ("age", "when", "fit", "price")] == [0, 1, 6, 7]
    assert columns["sex"]["codes"] == {"female": 1, "male": 2}
    assert columns["sex"]["missing"] == 3
    assert columns["note"]["input"] == "text_1"
    assert columns["pic"]["size"] == [8, 8]
    assert json.loads(as_bytes(about)) == about


def test_what_was_written_is_read() -> None:
    assert read_description(write())["version"] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, 'expected the description of an exported model, "format": "dlrun-export"'),
        ({"version": "1"}, "expected the description of an exported model"),
        ({"version": 2}, "written in version 2 of the format; this dlrun reads up to 1. Update dlrun"),
        ({"file": {"sha256": "0"}}, r"m.pt2 is not the file that it describes \(its SHA-256 differs\)"),
        ({"file": None}, "is not the file that it describes"),
    ],
)
def test_what_is_not_a_description_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(StorageError, match=message):
        read_description(write(**changes))


def test_what_cannot_be_read_is_said() -> None:
    path = write()
    Path("m.pt2.json").write_text("{")
    with pytest.raises(StorageError, match=r"m.pt2.json: it is no JSON"):
        read_description(path)
    Path("m.pt2.json").unlink()
    with pytest.raises(StorageError, match=r"m.pt2.json: No such file or directory"):
        read_description(path)
    with Path("m.pt2.json").open("wb") as stream:
        stream.truncate((1 << 28) + 1)
    with pytest.raises(StorageError, match="it is too large to be the description of a model"):
        read_description(path)
