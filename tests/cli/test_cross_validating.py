"""`dlrun dataset.folds=K`: one table of all folds, their mean and deviation, and only what is not done yet."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import point_runner
from dlrun.errors import Interrupted
from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]
THREE = (*SHORT, "dataset.folds=3", "hydra.sweep.dir=cv", "--quiet")


def test_one_command_trains_each_fold_and_ends_with_mean_and_deviation(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun(*THREE)
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:6] == ["fold", "val/accuracy", "test/loss", "test/accuracy", "test/macro_f1", "time"]
    assert [line[0] for line in lines[1:]] == ["0", "1", "2", "mean", "std"]
    written = json.loads((own_folder / "cv" / "cross_validation.json").read_text())
    values = [fold["metrics"]["test/accuracy"] for fold in written["folds"]]
    assert written["mean"]["test/accuracy"] == pytest.approx(statistics.fmean(values))
    assert written["std"]["test/accuracy"] == pytest.approx(statistics.stdev(values))
    results = [json.loads((own_folder / "cv" / str(fold) / "result.json").read_text()) for fold in range(3)]
    assert [result["dataset"]["sizes"]["test"] for result in results] == [50, 50, 50]
    assert [result["metrics"]["test/accuracy"] for result in results] == values
    rows = [json.loads(line) for line in (own_folder / "cv" / "sweep.jsonl").read_text().splitlines()]
    assert sorted(row["overrides"] for row in rows) == [[f"dataset.fold={fold}"] for fold in range(3)]
    code, _, err = dlrun("eval", "cv/1", "--quiet")
    assert code == 0, err


def test_json_has_what_the_file_has(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, _ = dlrun(*THREE, "--json", "trainer.epochs=1")
    assert code == 0
    assert json.loads(out) == json.loads((own_folder / "cv" / "cross_validation.json").read_text())


def test_each_point_of_a_sweep_is_cross_validated(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun("-m", *THREE, "dataset.folds=2", "optimizer.lr=1e-6,0.1")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["point", "optimizer.lr", "val/accuracy"]
    assert [line.split()[:2] for line in lines[1:]] == [["1", "0.1"], ["0", "1e-06"]]
    assert all(line.count("±") >= 2 for line in lines[1:])
    written = json.loads((own_folder / "cv" / "cross_validation.json").read_text())
    assert [each["overrides"] for each in written] == [["optimizer.lr=1e-06"], ["optimizer.lr=0.1"]]


def test_an_interrupted_one_resumes_and_trains_no_fold_twice(
    dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = dlrun(*(word.replace("=cv", "=whole") for word in THREE))
    assert code == 0, err
    trained: list[str] = []
    run_one = point_runner.run_one

    def once(*args: object, **more: object) -> object:
        if len(trained) == 1:
            trained.append("stopped")
            raise Interrupted(15, "Stopped.")
        trained.append(str(args[2]).rsplit("/", 1)[-1])
        return run_one(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(point_runner, "run_one", once)
    words = ("-m", *THREE, "resume=auto", "launch.jobs=1")  # in this process, where run_one is replaced
    assert dlrun(*words)[0] == 143
    code, _, err = dlrun(*words)
    assert code == 0, err
    assert trained == ["0", "stopped", "1", "2"]
    whole, resumed = (json.loads((own_folder / name / "cross_validation.json").read_text()) for name in ("whole", "cv"))
    assert resumed["mean"] == whole["mean"]
    assert resumed["std"] == whole["std"]
    assert len((own_folder / "cv" / "sweep.jsonl").read_text().splitlines()) == 3
    names = [path.name for path in own_folder.iterdir()]
    assert sorted(names) == ["cv", "whole"]


def test_a_fold_that_fails_neither_stops_the_others_nor_is_hidden(
    dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch, own_folder: Path
) -> None:
    run_one = point_runner.run_one

    def failing(*args: object, **more: object) -> object:
        if str(args[2]).endswith("/1"):
            raise ZeroDivisionError("a bug")
        return run_one(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(point_runner, "run_one", failing)
    code, out, err = dlrun("-m", *THREE, "launch.jobs=1")  # in this process, where run_one is replaced
    assert code == 1
    assert "point 1 (dataset.fold=1) failed: ZeroDivisionError: a bug" in err
    assert "of 2 folds" in out
    assert json.loads((own_folder / "cv" / "cross_validation.json").read_text())["status"] == "incomplete"


def test_a_folder_of_one_run_is_refused(dlrun: Dlrun) -> None:
    code, _, err = dlrun(*SHORT, "dataset.folds=3", "hydra.run.dir=cv")
    assert code == 2
    assert "A cross-validation has a folder for each fold; name theirs: hydra.sweep.dir=DIR." in err


def test_check_builds_the_first_fold(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("check", *SHORT, "dataset.folds=3")
    assert code == 0
    assert out.endswith("Nothing is wrong.\n")
    code, _, err = dlrun("check", "dataset=series", "dataset.path=example:weather.csv", "dataset.folds=3", *SHORT[1:])
    assert code == 2
    assert "its rows are in order" in err
