"""dlrun.runs.export.example: a program for every kind of data, run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.runs.export.description import as_bytes, describe
from dlrun.runs.export.example import example_program, example_row
from dlrun.runs.export.export import example_of
from dlrun.runs.export.graph import graph_of
from dlrun.runs.export.opened import open_exported
from dlrun.runs.export.program_file import program_bytes
from tests.runs.export.conftest import RUNS, Load

Dlrun = Callable[..., tuple[int, str, str]]
ARGUMENTS = {**dict.fromkeys(("cnn", "resnet", "rows", "images"), "images/cat/0.png"), "forecast": "series.csv"}


def export(name: str, loaded: Load) -> str:
    """Write the file of a run and its JSON; return the program."""
    run = loaded(name)
    graph = graph_of(run)
    content = program_bytes(graph)
    about = describe(run, content=content, name="m.pt2", kind="torch", inputs=graph.inputs, outputs=graph.outputs)
    about["example"] = example_of(run, about, content)
    Path("m.pt2").write_bytes(content)
    Path("m.pt2.json").write_bytes(as_bytes(about))
    return example_program(about)


@pytest.mark.long  # some of them are a part of tests/whole_way, which is not long
@pytest.mark.parametrize("name", [name for name in RUNS if name != "gan"])
def test_a_program_without_dlrun_predicts_the_same(name: str, loaded: Load, data: Path) -> None:
    program = export(name, loaded)
    assert len(program.splitlines()) <= (25 if name == "mixed" else 20)  # every kind of column there is
    Path("use.py").write_text(program)
    command = [sys.executable, "use.py", *([str(data / ARGUMENTS[name])] if name in ARGUMENTS else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout
    model = open_exported(Path("m.pt2"))
    if model.about["example"] is None or "class" not in done.stdout:
        return
    wanted = model.predict([model.about["example"]["row"]]).get("prediction")
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    if "class" in lines and wanted is not None:
        assert lines["class"] == str(wanted)


def test_a_program_for_each_format_loads_its_file(loaded: Load) -> None:
    export("linear", loaded)
    about = json.loads(Path("m.pt2.json").read_text())
    for kind, words in (("onnx", "onnxruntime.InferenceSession("), ("executorch", "Runtime.get().load_program(")):
        assert words in example_program({**about, "file": {"name": "m", "format": kind}})


def test_a_made_up_row_has_none_of_the_data(loaded: Load) -> None:
    export("mixed", loaded)
    row = json.loads(Path("m.pt2.json").read_text())["example"]["row"]
    assert row["sex"] == "female"  # the first category
    assert row["pic"] is None
    assert row["fit"] == "yes"
    assert row["when"].startswith("2024-")
    assert len(row["note"].split()) == 6  # the commonest words


@pytest.mark.parametrize(
    ("name", "vocabulary", "text"),
    [
        ("words", [".", "the", ",", "was", "not"], "the was not"),
        ("characters", [" ", "e", "t", "\n"], "et"),
        ("words", [".", "!"], "a text"),
    ],
)
def test_an_example_of_a_text_has_words_and_no_signs(name: str, vocabulary: list[str], text: str) -> None:
    tokenizer = {"name": name, "vocabulary": vocabulary}
    about = {"preprocessing": {"kind": "text", "column": "review", "tokenizer": tokenizer}}
    assert example_row(about, ()) == {"review": text}
