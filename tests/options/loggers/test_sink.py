"""dlrun.options.loggers._sink: what all trackers need in their process."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.options.loggers._sink import Run, State, final_metrics, metrics_of


def run_of(folder: Path) -> Run:
    folder.mkdir(parents=True)
    config = {"seed": 3, "trainer": {"epochs": 2, "early_stop": {"patience": None}}, "logger": {"uri": "http://u:p@h"}}
    return Run(folder, {**config, "recipe": {"format": 1}, "resume": "never"}, "seed: 3\n", None)


def test_parameters_are_dotted_and_without_a_server(tmp_path: Path) -> None:
    found = run_of(tmp_path / "run").parameters
    assert found == {"seed": 3, "trainer.epochs": 2, "trainer.early_stop.patience": None}


def test_a_point_is_named_with_its_sweep(tmp_path: Path) -> None:
    run = run_of(tmp_path / "2026-01-02" / "03-04-05" / "7")
    assert (run.name, run.sweep) == ("7", None)
    (run.folder.parent / "sweep.json").write_text("{}")
    assert (run.name, run.sweep) == ("03-04-05/7", "2026-01-02/03-04-05")


def test_pictures_are_of_evaluations_only(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run")
    (run.folder / "samples").mkdir()
    picture = run.folder / "samples" / "epoch-0002.png"
    picture.write_bytes(b"")
    assert run.pictures_of({"event": "on_epoch", "epoch": 2}) == [picture]
    assert run.pictures_of({"event": "on_epoch", "epoch": 1}) == []
    assert run.pictures_of({"event": "on_step", "epoch": 2}) == []


@pytest.mark.parametrize("content", ["{", "[1]", "\xff"])
def test_a_state_is_kept_and_a_damaged_one_is_none(tmp_path: Path, content: str) -> None:
    state = State(run_of(tmp_path / "run"), "wandb")
    assert state.read() == {}
    state.write({"id": "a"})
    assert state.read() == {"id": "a"}
    (tmp_path / "run" / "trackers" / "wandb.json").write_text(content, encoding="latin-1")
    assert state.read() == {}


def test_metrics_of_rows_and_results() -> None:
    assert metrics_of({"event": "on_step", "step": 1, "epoch": 0.5, "seconds": 2.0, "lr": 0.1}) == {"lr": 0.1}
    assert final_metrics({"status": "completed", "metrics": {"test/loss": 0.5}}) == {"final/test/loss": 0.5}
    assert final_metrics({"status": "killed"}) == {}
