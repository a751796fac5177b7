"""dlrun.options.loggers.tensorboard: what TensorBoard's own reader finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.options.loggers._sink import Run
from dlrun.options.loggers.tensorboard import Sink

Dlrun = Callable[..., tuple[int, str, str]]
RESULT = {"status": "completed", "metrics": {"test/accuracy": 0.75}, "best": {"step": 2}, "steps": 3}


def run_of(folder: Path, *, resumed_from: int | None = None) -> Run:
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    return Run(folder, {"seed": 0}, "seed: 0\n", resumed_from)


def test_scalars_pictures_and_texts_are_read_back_and_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")
    from PIL import Image

    sink = Sink(run_of(tmp_path), {"flush_s": 30})
    Image.new("RGB", (6, 4), "red").save(tmp_path / "samples" / "epoch-0001.png")
    sink.start()
    rows = [{"event": "on_step", "step": step, "epoch": 0.5, "seconds": 1.0, "train/loss": 1 / step} for step in (1, 2)]
    sink.log([*rows, {"event": "on_epoch", "step": 2, "epoch": 1, "seconds": 2.0, "val/loss": 0.5}])
    sink._writer.close()  # killed
    again = Sink(run_of(tmp_path, resumed_from=1), {"flush_s": 30})
    again.start()
    again.log([{"event": "on_step", "step": 2, "epoch": 1, "seconds": 1.0, "train/loss": 0.25}])
    again.finish(RESULT)
    found = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(each.step, each.value) for each in found.Scalars("train/loss")] == [(1, 1.0), (2, 0.25)]
    assert [(each.step, each.value) for each in found.Scalars("final/test/accuracy")] == [(2, 0.75)]
    texts = {tag: found.Tensors(f"{tag}/text_summary")[-1].tensor_proto.string_val[0] for tag in ("config.yaml",)}
    assert texts == {"config.yaml": b"    seed: 0"}
    result = found.Tensors("result.json/text_summary")[0].tensor_proto.string_val[0]
    assert json.loads(result) == RESULT

    Image.new("RGB", (6, 4), "red").save(tmp_path / "samples" / "epoch-0003.png")
    last = Sink(run_of(tmp_path / "pictures"), {"flush_s": 30})
    Image.new("RGB", (6, 4), "red").save(tmp_path / "pictures" / "samples" / "epoch-0003.png")
    last.start()
    last.log([{"event": "on_epoch", "step": 9, "epoch": 3, "seconds": 2.0}])
    last.finish({"status": "killed"})
    found = reading.EventAccumulator(str(tmp_path / "pictures" / "tensorboard"))
    found.Reload()
    (picture,) = found.Images("samples")
    assert (picture.step, picture.width, picture.height) == (9, 6, 4)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_without_its_package_it_says_what_to_install(
    dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, name, None)
    code, _, err = dlrun("dataset=iris", "model=mlp", "device.threads=1", f"logger=[{name}]", "hydra.run.dir=run")
    assert code == 2
    assert f'logger={name}\n      This needs {name}, which is not installed: pip install "dlrun[{name}]".' in err
    assert not Path("run/metrics.jsonl").exists()
