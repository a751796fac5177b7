"""dlrun.runs.export.target: which file is written, and what has to be installed for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.export.target import check_target, json_path


def test_the_json_is_named_after_the_file() -> None:
    assert json_path(Path("a/model.onnx")) == Path("a/model.onnx.json")


def test_the_ending_decides() -> None:
    assert check_target(Path("model.PT2"), quantize=False) == "torch"


@pytest.mark.parametrize(
    ("name", "quantize", "message"),
    [
        ("model.onx", False, r'Expected a file ending in .onnx, .pt2, .pte. Did you mean ".onnx"\?'),
        ("model", False, "Expected a file ending in"),
        ("no/model.pt2", False, "Expected a file in a folder that exists"),
        ("model.pt2", True, "Only ONNX files are made int8, by onnxruntime: -o FILE.onnx"),
    ],
)
def test_what_cannot_be_written_is_said(name: str, quantize: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_target(Path(name), quantize=quantize)


@pytest.mark.parametrize(
    ("name", "package", "extra"), [("a.onnx", "onnxscript", "export"), ("a.pte", "executorch", "executorch")]
)
def test_a_missing_package_names_its_extra(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, each, sys)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf'-o {name}\n.*This needs {package}.*pip install "dlrun\[{extra}\]"'):
        check_target(Path(name), quantize=False)
