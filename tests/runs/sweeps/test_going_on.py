"""dlrun.runs.sweeps.going_on: nothing is trained twice, nothing is lost, points are added, changes are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.sweeps.driver import Driver
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.going_on import LedgerPlaces
from dlrun.runs.sweeps.identity import Fingerprints
from dlrun.runs.sweeps.jobs import Channel, Ended, Job, Point, RunJob
from dlrun.runs.sweeps.ledger import Entry, Ledger
from dlrun.runs.sweeps.rows import SweepRow, read_rows
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.version import __version__

CATALOG = Catalog()
BASE = ("dataset=iris", "model=linear")


def plans(*words: str) -> list[Plan]:
    return plan_runs(parse_overrides([*BASE, *words], CATALOG, multirun=True), CATALOG)


def leave(point: Point, status: str = "completed", **changes: Any) -> dict[str, Any]:
    """Leave the folder of a run with a result as training would."""
    assert point.composed is not None
    config = point.composed.config
    result = {
        "status": status,
        "metrics": {"test/loss": 0.5},
        "best": None,
        "seconds": {"total": 1.0},
        "requested_sha256": config.sha256,
        "dataset": {"fingerprint": Fingerprints(CATALOG).of(config)},
        "environment": {"torch": torch.__version__, "dlrun": __version__, "device": "cpu"},
        **changes,
    }
    point.folder.mkdir(exist_ok=True)
    (point.folder / "config.yaml").write_text("seed: 0\n")
    (point.folder / "result.json").write_text(json.dumps(result))
    return result


def train(trained: list[Point], **status_of: str) -> RunJob:
    """Return a job that trains nothing: it notes points, and leaves a result; by label, the status of some."""

    def run_job(job: Job, channel: Channel) -> None:
        (point,) = job.points
        trained.append(point)
        status = status_of.get(" ".join(point.overrides).replace("=", ""), "completed")
        leave(point, status)
        channel.report(Ended(SweepRow(point.number, point.overrides, status, run_dir=str(point.folder))))

    return run_job


def sweep(folder: Path, found: list[Plan], run_job: RunJob, told: list[str] | None = None) -> list[SweepRow]:
    ledger = Ledger(folder)
    notices: list[str] = [] if told is None else told
    try:
        places = LedgerPlaces(ledger, CATALOG, tell=notices.append)
        return Driver(Grid(found), InProcess(run_job), places, watch=lambda event: None).run()
    finally:
        ledger.close()


def numbers(points: list[Point]) -> list[tuple[int, str, list[str]]]:
    return [(point.number, point.folder.name, point.overrides) for point in points]


def test_the_same_sweep_again_trains_only_what_is_not_done(tmp_path: Path) -> None:
    first: list[Point] = []
    sweep(tmp_path, plans("seed=0,1,2,3"), train(first, seed1="failed", seed2="diverged", seed3="interrupted"))
    assert numbers(first) == [(seed, str(seed), [f"seed={seed}"]) for seed in range(4)]
    again: list[Point] = []
    rows = sweep(tmp_path, plans("seed=0,1,2,3"), train(again))
    assert numbers(again) == [(1, "1", ["seed=1"]), (3, "3", ["seed=3"])]  # a diverged one would diverge again
    assert [point.composed.config.resume for point in again if point.composed is not None] == ["auto", "auto"]
    assert [(row.point, row.status) for row in rows] == [
        (0, "completed"), (1, "completed"), (2, "diverged"), (3, "completed"),
    ]  # fmt: skip
    assert sorted(row.point for row in read_rows(tmp_path / "sweep.jsonl")) == [0, 1, 2, 3]
    assert len((tmp_path / "sweep.jsonl").read_text().splitlines()) == 4


def test_each_point_is_composed_once_just_before_it_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def noted(plan: Plan, catalog: Catalog) -> Any:
        happened.append(f"composed {plan.label}")
        return compose(plan, catalog)

    monkeypatch.setattr("dlrun.runs.sweeps.going_on.compose", noted)

    def run_job(job: Job, channel: Channel) -> None:
        happened.append(f"trained {job.points[0].plan.label}")
        train([])(job, channel)

    sweep(tmp_path, plans("seed=0,1"), run_job)
    assert happened == ["composed seed=0", "trained seed=0", "composed seed=1", "trained seed=1"]


def test_points_are_added_with_new_numbers_and_keep_their_folders(tmp_path: Path) -> None:
    sweep(tmp_path, plans("seed=0,1"), train([]))
    added: list[Point] = []
    sweep(tmp_path, plans("seed=2,0,1"), train(added))
    assert numbers(added) == [(2, "2", ["seed=2"])]
    other: list[Point] = []
    sweep(tmp_path, plans("seed=0,1", "model=linear,mlp"), train(other))  # by another key: linear is known
    assert numbers(other) == [(3, "3", ["seed=0", "model=mlp"]), (4, "4", ["seed=1", "model=mlp"])]
    rows = {row.point: row.overrides for row in read_rows(tmp_path / "sweep.jsonl")}
    assert rows == {
        0: ["seed=0", "model=linear"], 1: ["seed=1", "model=linear"], 2: ["model=linear", "seed=2"],
        3: ["seed=0", "model=mlp"], 4: ["seed=1", "model=mlp"],
    }  # fmt: skip


def test_the_same_point_twice_in_a_command_is_two_points(tmp_path: Path) -> None:
    first: list[Point] = []
    sweep(tmp_path, plans("seed=0,0"), train(first))
    assert [point.number for point in first] == [0, 1]
    again: list[Point] = []
    sweep(tmp_path, plans("seed=0,0"), train(again))
    assert again == []


def test_a_lost_row_is_taken_from_the_result_of_the_point(tmp_path: Path) -> None:
    sweep(tmp_path, plans("seed=0,1"), train([], seed1="diverged"))
    (tmp_path / "sweep.jsonl").unlink()
    again: list[Point] = []
    rows = sweep(tmp_path, plans("seed=0,1"), train(again))
    assert again == []
    assert [(row.point, row.status, row.overrides, row.exit_code) for row in rows] == [
        (0, "completed", ["seed=0"], 0),
        (1, "diverged", ["seed=1"], 4),
    ]
    assert rows == read_rows(tmp_path / "sweep.jsonl")
    assert rows[0].metrics == {"test/loss": 0.5}


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "data": (lambda result: result["dataset"].update(fingerprint="other"), "its data"),
    "torch": (lambda result: result["environment"].update(torch="2.0.0"), f"torch 2.0.0 → {torch.__version__}"),
    "dlrun": (lambda result: result["environment"].update(dlrun="0.0.1"), f"dlrun 0.0.1 → {__version__}"),
    "configuration": (lambda result: result.update(requested_sha256="other"), "its configuration"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_point_whose_bytes_would_differ_now_is_trained_again_in_a_new_folder(tmp_path: Path, change: str) -> None:
    sweep(tmp_path, plans("seed=0,1"), train([]))
    path = tmp_path / "0" / "result.json"
    result = json.loads(path.read_text())
    edit, reason = CHANGES[change]
    edit(result)
    path.write_text(json.dumps(result))
    again: list[Point] = []
    told: list[str] = []
    rows = sweep(tmp_path, plans("seed=0,1"), train(again), told)
    assert numbers(again) == [(0, "0_2", ["seed=0"])]
    assert told == [
        f"point 0 is trained again, in {tmp_path / '0_2'}: since it was trained, this has changed: {reason}. "
        f"{tmp_path / '0'} stays as it is. So it is with every other point that this changes."
    ]
    assert path.exists()
    assert [Path(row.run_dir).name for row in rows] == ["0_2", "1"]
    assert sweep(tmp_path, plans("seed=0,1"), train(again)) is not None
    assert len(again) == 1  # the new one is done


def test_a_point_under_way_on_other_data_begins_anew(tmp_path: Path) -> None:
    sweep(tmp_path, plans("seed=0"), train([]))
    (tmp_path / "0" / "result.json").unlink()  # as after a kill
    state = tmp_path / "0" / "checkpoints" / "step-4" / "state.json"
    state.parent.mkdir(parents=True)
    (tmp_path / "0" / "checkpoints" / "last").write_text("step-4\n")
    again: list[Point] = []
    state.write_text(json.dumps({"about": {"fingerprint": "other"}}))
    told: list[str] = []
    sweep(tmp_path, plans("seed=0"), train(again), told)
    assert numbers(again) == [(0, "0_2", [])]
    assert "this has changed: its data." in told[0]


def test_a_pruned_point_stays_pruned(tmp_path: Path) -> None:
    sweep(tmp_path, plans("seed=0"), train([], seed0="interrupted"))
    ledger = Ledger(tmp_path)
    ledger.add_row(SweepRow(0, ["seed=0"], "pruned", error="hopeless"))
    ledger.close()
    again: list[Point] = []
    rows = sweep(tmp_path, plans("seed=0"), train(again))
    assert again == []
    assert [(row.status, row.error) for row in rows] == [("pruned", "hopeless")]


def test_a_point_that_cannot_be_composed_is_a_row_and_keeps_its_number(tmp_path: Path) -> None:
    found = plans("seed=0,1", "trainer.epochs=${oc.env:NO_SUCH_VARIABLE}")
    trained: list[Point] = []
    for _ in range(2):
        rows = sweep(tmp_path, found, train(trained))
        assert [(row.point, row.status, row.exit_code) for row in rows] == [(0, "failed", 2), (1, "failed", 2)]
        assert "NO_SUCH_VARIABLE" in str(rows[0].error)
    assert trained == []
    assert len((tmp_path / "points.jsonl").read_text().splitlines()) == 2


def test_a_changed_plugin_is_told_and_its_finished_points_are_trained_again(tmp_path: Path) -> None:
    sweep(tmp_path, plans("seed=0,1"), train([], seed1="interrupted"))
    ledger = Ledger(tmp_path)
    for number in (0, 1):
        entry = ledger.entries[number]
        ledger.record(Entry(number, entry.folder, entry.config, entry.words, {"mine.py": "old"}))
    plugin = tmp_path / "mine.py"
    plugin.write_text("def mine(spec):\n    '''Mine.'''\n")
    told: list[str] = []
    places = LedgerPlaces(ledger, Catalog(plugins=[plugin]), tell=told.append)
    first, second = (places.place(plan) for plan in plans("seed=0,1"))
    ledger.close()
    assert (first.point.folder.name, second.point.folder.name) == ("0_2", "1")
    assert "this has changed: the plugin mine.py." in told[0]
    assert told[1] == "the plugin mine.py has changed since point 1 began, which goes on with it all the same."
