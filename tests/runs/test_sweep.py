"""dlrun.runs.sweep: rows, folders, stops and the order of points."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, DivergedError, Interrupted, StorageError
from dlrun.runs.sweep import SweepRow, append_row, best_first, claim_folder, launch, read_rows, sweep_dir
from dlrun.storage import run_dir


def points(*words: str) -> list[Plan]:
    catalog = Catalog()
    return plan_runs(parse_overrides(words, catalog, multirun=True), catalog)


def result(value: float) -> dict[str, Any]:
    best = {"metric": "val/loss", "value": value, "epoch": 1, "step": 4}
    return {"status": "completed", "metrics": {"test/loss": value}, "best": best, "seconds": {"total": 1.5}}


def test_each_point_adds_a_row_and_an_error_stops_no_other_point() -> None:
    def run_point(point: Plan, folder: Path) -> Mapping[str, Any]:
        if "seed=1" in point.label:
            raise DivergedError("The loss is not finite.")
        if "seed=2" in point.label:
            raise ZeroDivisionError("a bug")
        return result(0.25)

    folder, rows = launch(points("seed=0,1,2,3"), run_point, hydra_words=["hydra.sweep.dir=swept"], config_dirs=[])
    assert folder == Path("swept").resolve()
    assert rows == read_rows(folder / "sweep.jsonl")
    assert [(row.point, row.overrides, row.status, row.exit_code, row.error) for row in rows] == [
        (0, ["seed=0"], "completed", 0, None),
        (1, ["seed=1"], "diverged", 4, "The loss is not finite."),
        (2, ["seed=2"], "failed", 1, "ZeroDivisionError: a bug"),
        (3, ["seed=3"], "completed", 0, None),
    ]
    assert rows[0] == SweepRow(
        0, ["seed=0"], "completed", {"test/loss": 0.25}, result(0.25)["best"], 1.5, str(folder / "0")
    )


def test_a_signal_ends_the_sweep_after_the_current_point() -> None:
    def run_point(point: Plan, folder: Path) -> Mapping[str, Any]:
        if "seed=1" in point.label:
            raise Interrupted(15, "Stopped at step 4 of epoch 2; everything is saved.")
        return result(0.25)

    with pytest.raises(Interrupted, match="The sweep was stopped after 2 of 3 points; their results are in") as caught:
        launch(points("seed=0,1,2"), run_point, hydra_words=["hydra.sweep.dir=swept"], config_dirs=[])
    assert caught.value.exit_code == 143
    assert [row.status for row in read_rows(Path("swept/sweep.jsonl"))] == ["completed", "interrupted"]


def test_the_folder_is_the_one_that_hydra_chooses() -> None:
    assert sweep_dir(["hydra.sweep.dir=mine", "hydra.job.name=x"]) == Path("mine")
    assert sweep_dir([]).parts[:2] == ("outputs", "sweeps")
    with pytest.raises(ConfigError, match="Cannot determine the sweep's folder: "):
        sweep_dir(["hydra.sweep.dri=mine"])


def test_a_taken_folder_gets_a_suffix_and_an_empty_one_is_used(tmp_path: Path) -> None:
    assert claim_folder(tmp_path / "a") == tmp_path / "a"
    assert claim_folder(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a" / "0").mkdir()
    (tmp_path / "a_2").write_text("a file")
    assert claim_folder(tmp_path / "a") == tmp_path / "a_3"


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        claim_folder(tmp_path / "file" / "sweep")
    with pytest.raises(StorageError, match="could not be written"):
        claim_folder(tmp_path / ("a" * 300))
    monkeypatch.setattr(run_dir, "MOST_NAMES", 2)
    for name in ("b", "b_2"):
        (tmp_path / name / "0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="b: every name up to b_2 is taken"):
        claim_folder(tmp_path / "b")


def test_rows_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"sweep.jsonl: could not be written \(No such file or directory\)"):
        append_row(tmp_path / "gone" / "sweep.jsonl", SweepRow(0, [], "completed"))
    assert read_rows(tmp_path / "gone" / "sweep.jsonl") == []


def test_the_best_point_is_first_and_failures_are_last() -> None:
    def row(point: int, status: str, metric: str | None = None, value: float = 0.0) -> SweepRow:
        best = None if metric is None else {"metric": metric, "value": value, "epoch": 1, "step": 1}
        return SweepRow(point, [], status, best=best)

    rows = [row(0, "failed"), row(1, "completed"), row(2, "completed", "val/accuracy", 0.5)]
    rows += [row(3, "completed", "val/accuracy", float("nan")), row(4, "completed", "val/accuracy", 0.75)]
    assert [each.point for each in best_first(rows)] == [4, 2, 1, 3, 0]
    losses = [row(0, "completed", "val/loss", 0.5), row(1, "completed", "val/loss", 0.25)]
    assert [each.point for each in best_first(losses)] == [1, 0]


def test_a_row_is_one_line_of_json(tmp_path: Path) -> None:
    append_row(tmp_path / "sweep.jsonl", SweepRow(7, ["seed=1"], "failed", error="no", exit_code=3))
    (line,) = (tmp_path / "sweep.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "point": 7, "overrides": ["seed=1"], "status": "failed", "metrics": {}, "best": None, "seconds": 0.0,
        "run_dir": "", "error": "no", "exit_code": 3,
    }  # fmt: skip


def test_a_sweep_resumes_in_its_folder_and_has_one_row_for_each_point() -> None:
    done: list[str] = []

    def run_point(point: Plan, folder: Path) -> Mapping[str, Any]:
        done.append(point.label)
        return result(float(len(done)))

    words = ["hydra.sweep.dir=swept"]
    first = launch(points("seed=0,1", "resume=auto"), run_point, hydra_words=words, config_dirs=[])
    again = launch(points("seed=0,1", "resume=auto"), run_point, hydra_words=words, config_dirs=[])
    assert first[0] == again[0]
    assert done == ["seed=0", "seed=1"] * 2
    assert [row.metrics["test/loss"] for row in again[1]] == [3.0, 4.0]
    assert len((first[0] / "sweep.jsonl").read_text().splitlines()) == 2
    new, _ = launch(points("seed=0,1"), run_point, hydra_words=words, config_dirs=[])
    assert new.name == "swept_2"
    with pytest.raises(ConfigError, match="This folder has another sweep: its point 1 is seed=1, here it is seed=7"):
        launch(points("seed=0,7", "resume=auto"), run_point, hydra_words=words, config_dirs=[])
