"""dlrun.runs.export.quantize: int8 files, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.runs.export.opened import open_exported
from tests.runs.export.conftest import Train

for package in ("onnx", "onnxscript", "onnxruntime"):
    pytest.importorskip(package, reason="the extra `export` is not installed")

Dlrun = Callable[..., tuple[int, str, str]]
QUICK = ("cnn", "transformer")
OTHERS = ("attention", "language", "forecast", "mixed", "ratings", "gan")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=[pytest.mark.long]) for name in OTHERS)])
def test_int8_says_what_it_costs(name: str, trained: Train, dlrun: Dlrun) -> None:
    code, out, err = dlrun("export", str(trained(name)), "-o", "model.onnx", "--quantize", "int8")
    assert code == 0, err
    assert out == "model.onnx and model.onnx.json\n"
    about = json.loads(Path("model.onnx.json").read_text())
    cost = about["quantization"]
    metric = cost["metric"]
    measured = json.loads((trained(name) / "result.json").read_text())["metrics"][f"test/{metric['name']}"]
    assert metric["float32"] == pytest.approx(measured, rel=1e-3, abs=1e-6)
    assert cost["method"] == ("static" if name in ("cnn", "mixed") else "dynamic")
    assert f"int8: {metric['name']} on the test split " in err
    assert cost["bytes"]["int8"] == Path("model.onnx").stat().st_size == about["file"]["bytes"]
    assert f"int8: {cost['bytes']['float32']:,} -> {cost['bytes']['int8']:,} bytes" in err
    assert " ms for 1 row on one thread" in err
    assert set(cost["milliseconds"]) == {"1", "64"}
    assert about["parity"]["largest_difference"] < cost["largest_difference"]["value"]
    assert b"DynamicQuantizeLinear" in Path("model.onnx").read_bytes() or cost["method"] == "static"
    assert open_exported(Path("model.onnx")).about == about


def test_a_model_without_such_a_layer_is_refused(trained: Train, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    from onnxruntime import quantization

    monkeypatch.setattr(
        quantization, "quantize_dynamic", lambda before, after, **_: after.write_bytes(before.read_bytes())
    )
    code, _, err = dlrun("export", str(trained("linear")), "-o", "model.onnx", "--quantize", "int8")
    assert code == 2
    assert "onnxruntime has no int8 form of any layer of this model; export it without --quantize." in err
    assert not Path("model.onnx").exists()


def test_other_data_than_the_run_s_is_refused(trained: Train, data: Path, dlrun: Dlrun) -> None:
    Path("texts.csv").write_text((data / "texts.csv").read_text() + "pos,good\n")
    code, _, err = dlrun(
        "export", str(trained("transformer")), "-o", "model.onnx", "--quantize", "int8", "dataset.path=texts.csv"
    )
    assert code == 5
    assert "the data is not what this run was trained on (its fingerprint differs), so its test metric cannot be" in err
