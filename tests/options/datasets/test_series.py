"""Series from the command line: killed, resumed, evaluated, and a forecast in the units of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kill_and_resume import kill_and_resume, outputs, predictions, restored

Dlrun = Callable[..., tuple[int, str, str]]


def wave(rows: int, *, start: int = 0) -> str:
    """A triangle of period 8 from 1000 to 1400, and its half."""
    values = [1000 + 100 * (i % 8 if i % 8 <= 4 else 8 - i % 8) for i in range(start, start + rows)]
    return "hour,load,half\n" + "".join(f"{start + i},{value},{value / 2}\n" for i, value in enumerate(values))


def test_a_series_survives_and_forecasts_from_a_file_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text(wave(400))
    words = (
        "dataset=series", "dataset.path=load.csv", "dataset.time=hour", "dataset.target=[load,half]",
        "dataset.window=8", "dataset.horizon=2", "model=rnn", "model.hidden=32", "optimizer.lr=0.01",
        "trainer.epochs=15",
    )  # fmt: skip
    run, metrics = kill_and_resume(words, folder=tmp_path)
    assert metrics["test/rmse"] < 25  # of a wave that goes up and down by 400
    (tmp_path / "load.csv").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "new.csv").write_text(wave(10, start=1007))
    task, encoder = restored(run)
    encoded = encoder.encode(tmp_path / "elsewhere" / "new.csv")
    assert encoded.columns == {"after": ["1016"]}
    forecast = task.spec.target_scaling.raw(outputs(task, encoded))[0]  # hours 1017 and 1018
    assert task.spec.class_names == ("load+1", "half+1", "load+2", "half+2")
    wanted = [1100.0, 550.0, 1200.0, 600.0]
    assert all(abs(ours - theirs) < 60 for ours, theirs in zip(forecast.tolist(), wanted, strict=True))
    (row,) = predictions(run, tmp_path / "elsewhere" / "new.csv", folder=tmp_path)
    assert row["after"] == "1016"
    assert [float(row[name]) for name in task.spec.class_names] == pytest.approx(forecast.tolist(), rel=1e-5)


def test_a_forecast_with_its_interval_survives_a_kill(tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text(wave(200))
    words = (
        "dataset=series", "dataset.path=load.csv", "dataset.time=hour", "dataset.columns=[load]",
        "dataset.horizon=2", "model=forecast", "trainer.epochs=3",
    )  # fmt: skip
    run, metrics = kill_and_resume(words, folder=tmp_path)
    assert metrics["test/rmse"] < 25  # the season is found
    assert (run / "forecast.json").read_bytes() == (tmp_path / "whole" / "forecast.json").read_bytes()


def test_a_multilayer_perceptron_reads_windows_too(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text(wave(200))
    code, _, err = dlrun(
        "dataset=series", "dataset.path=load.csv", "dataset.window=8", "dataset.columns=[load]", "model=mlp",
        "trainer.epochs=1", "hydra.run.dir=mine", "--quiet",
    )  # fmt: skip
    assert code == 0, err


def test_a_bad_number_stops_the_run_before_anything_is_written(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "load.csv").write_text(wave(200).replace("5,1300.0", "5,x").replace("\n5,1300,", "\n5,x,"))
    code, _, err = dlrun("dataset=series", "dataset.path=load.csv", "model=rnn", "hydra.run.dir=mine")
    assert code == 3
    assert 'line 7, column "load": expected a finite number, got "x".' in err
    assert not (tmp_path / "mine" / "config.yaml").exists()
