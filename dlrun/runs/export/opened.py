"""An exported file, opened: rows in, predictions out. The run's folder is not needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.runs.export.answers import answers
from dlrun.runs.export.description import read_description
from dlrun.runs.export.rows import Row, RowEncoder
from dlrun.runs.export.values import Arrays

Runner = Callable[[Arrays], Arrays]


class ExportedModel:
    """A model from an exported file. about: the JSON beside it. run: inputs by name to outputs by name."""

    def __init__(self, about: Mapping[str, Any], run: Runner) -> None:
        self.about, self.run = about, run
        self.encode = RowEncoder(about)

    def predict(self, rows: Sequence[Row], *, probabilities: bool = False) -> dict[str, list[Any]]:
        """Return predictions of raw rows as {heading: column}, with the headings of `dlrun predict`.

        A row is a mapping from columns to values, a text, the content of a file, or nested numbers, as
        `about["preprocessing"]` says; for a series it is a list of the points of one window.
        Raises DataError naming row and column for a value that is none of its column's.
        """
        return answers(self.about["outputs"], self.run(self.encode(rows)), probabilities=probabilities)


def open_exported(path: Path, *, threads: int = 1) -> ExportedModel:
    """Open a file that `dlrun export` wrote, with its JSON beside it. threads: of onnxruntime.

    Raises StorageError if either is missing, damaged, or not of the other, and ConfigError if a package is missing.
    """
    about = read_description(path)
    return ExportedModel(about, runner(path.read_bytes(), about, threads=threads))


def runner(content: bytes, about: Mapping[str, Any], *, threads: int = 1) -> Runner:
    """Return what runs the content of an exported file."""
    inputs, outputs = ([value["name"] for value in about[key]] for key in ("inputs", "outputs"))
    kind = about["file"]["format"]
    if kind == "onnx":
        from dlrun.runs.export.onnx_file import OnnxRunner

        return OnnxRunner(content, threads=threads)
    if kind == "torch":
        from dlrun.runs.export.program_file import ProgramRunner

        return ProgramRunner(content, inputs=inputs, outputs=outputs)
    from dlrun.runs.export.phone_file import PhoneRunner

    return PhoneRunner(content, inputs={value["name"]: value["shape"] for value in about["inputs"]}, outputs=outputs)
