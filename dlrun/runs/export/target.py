"""The file that an export writes: its format by its ending, and what has to be installed for it. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.storage.output_file import check_output_file
from dlrun.wording import printable

Format = Literal["onnx", "torch", "executorch"]
FORMATS: Mapping[str, Format] = {".onnx": "onnx", ".pt2": "torch", ".pte": "executorch"}
_PACKAGES: Mapping[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "executorch": ("executorch",),
}
CHECKED_ON = ("device=cpu", "device.precision=fp32")
"""Overrides of a run whose file is checked against it."""
_EXTRAS: Mapping[Format, str] = {"onnx": "export", "executorch": "executorch"}


def json_path(path: Path) -> Path:
    """Return the JSON beside an exported file: model.onnx.json of model.onnx."""
    return path.with_name(f"{path.name}.json")


def check_target(path: Path, *, quantize: bool) -> Format:
    """Return the format of the file to write.

    Raises ConfigError for an ending of no format, a folder that does not exist, a missing package, and for int8 in
    another format than ONNX.
    """
    where = f"-o {printable(str(path))}"
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        near = did_you_mean(path.suffix.lower(), FORMATS) if path.suffix else ""
        raise ConfigError(Problem(where, f"Expected a file ending in {', '.join(FORMATS)}. {near}".rstrip()))
    check_output_file(path)
    if quantize and kind != "onnx":
        what = "Only ONNX files are made int8, by onnxruntime: -o FILE.onnx"
        raise ConfigError(Problem("--quantize int8", what))
    check_installed(kind, needed_by=where)
    return kind


def check_installed(kind: Format, *, needed_by: str) -> None:
    """Raise ConfigError if a package that writes or checks a format is not installed. needed_by: what asks for it."""
    for package in _PACKAGES.get(kind, ()):
        import_optional(package, extra=_EXTRAS[kind], needed_by=needed_by)
