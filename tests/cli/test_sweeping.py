"""`dlrun -m`: every point has a row, and none hides another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli import point_runner
from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from tests.conftest import SHORT
from tests.processes import describe, started_with, wait_until_none

Dlrun = Callable[..., tuple[int, str, str]]
POINTS = ["0", "1"]  # in the first column of a table


def rows(own_folder: Path) -> list[dict[str, object]]:
    (path,) = own_folder.glob("outputs/sweeps/*/*/sweep.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda row: int(row["point"]))  # points end in any order


def test_a_sweep_prints_one_table_best_first(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun("-m", *SHORT, "optimizer.lr=1e-6,0.1", "seed=0,1")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["points", "optimizer.lr", "val/accuracy"]
    values = [float(line.split()[2]) for line in lines[1:3]]  # seeds are one row
    assert values == sorted(values, reverse=True)
    assert lines[3] == ""
    written = rows(own_folder)
    expected = [[f"optimizer.lr={lr}", f"seed={seed}"] for lr in ("1e-06", "0.1") for seed in (0, 1)]
    assert [row["overrides"] for row in written] == expected
    assert all(row["status"] == "completed" for row in written)
    assert {"overrides", "status", "metrics", "seconds", "run_dir"} <= set(written[0])
    assert sorted(path.name for path in Path(str(written[0]["run_dir"])).parent.iterdir()) == [
        ".lock",
        "0",
        "1",
        "2",
        "3",
        "points.jsonl",
        "sweep.json",
        "sweep.jsonl",
    ]


def test_a_point_that_fails_neither_stops_nor_hides_the_others(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun(
        "-m", "dataset=iris", "model=linear,cnn,mlp", "trainer.epochs=1", "device.threads=1", "--quiet"
    )
    assert code == 2
    assert "point 1 (model=cnn) failed" in err
    assert "A CNN needs images" in err
    statuses = {str(row["overrides"]): row["status"] for row in rows(own_folder)}
    assert statuses == {"['model=linear']": "completed", "['model=cnn']": "failed", "['model=mlp']": "completed"}
    assert out.splitlines()[3].split()[1] == "cnn"


def test_a_point_of_a_sweep_equals_the_run_by_itself(
    dlrun: Dlrun, own_folder: Path, short_run: Callable[..., Path]
) -> None:
    dlrun("-m", *SHORT, "seed=3,4", "--quiet")
    alone = short_run("alone", "seed=4")
    (folder,) = own_folder.glob("outputs/sweeps/*/*/1")
    for path in (folder, alone):
        assert (path / "checkpoints" / "last").read_text() == "step-8\n"
    names = [path / "checkpoints" / "step-8" / "model.safetensors" for path in (folder, alone)]
    assert names[0].read_bytes() == names[1].read_bytes()


def test_mistakes_are_told_before_the_first_point(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "optimizer.lr=0.1,fast", "optimizer=adam,addam")
    assert code == 2
    assert "optimizer.lr=fast" in err
    assert 'Did you mean "adam"?' in err
    assert not (own_folder / "outputs").exists()


def test_recipes_can_be_swept(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("trainer.epochs=1", "device.threads=1", "checkpoint.every_epochs=0", "--quiet")
    code, out, err = dlrun("-m", "recipe=mlp_digits,logistic_breast_cancer", "seed=0,1", *words)
    assert code == 0, err
    assert len(out.split("\n\n")[0].splitlines()) == 3  # two recipes, each with two seeds


def test_a_sweep_goes_where_it_is_told(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "hydra.sweep.dir=mine", "--quiet")
    assert code == 0, err
    assert sorted(path.name for path in (own_folder / "mine").iterdir()) == [
        ".lock", "0", "1", "points.jsonl", "sweep.json", "sweep.jsonl",
    ]  # fmt: skip


def test_every_point_can_be_profiled(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "hydra.sweep.dir=mine", "--quiet", "--profile")
    assert code == 0, err
    assert [json.loads((own_folder / f"mine/{i}/profile.json").read_text())["steps"] for i in (0, 1)] == [8, 8]


def test_a_launcher_of_hydra_runs_the_points(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("hydra.sweep.dir=mine", "hydra/launcher=basic", "--quiet")
    code, _, err = dlrun("-m", *SHORT, "optimizer.lr=0.1,0.01", *words)
    assert code == 0, err
    rows = [json.loads(line) for line in (own_folder / "mine/sweep.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["completed", "completed"]
    (own_folder / "mine/1/result.json").unlink()
    for _ in range(2):  # the second has nothing to launch
        code, out, err = dlrun("-m", *SHORT, "optimizer.lr=0.1,0.01", *words)
        assert code == 0, err
        assert "going on with the sweep" in err
        assert [line.split()[0] for line in out.splitlines()[1:3]] in (POINTS, POINTS[::-1])
    assert (own_folder / "mine/1/result.json").exists()


def test_settings_of_a_sweep_need_m_and_are_checked(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun(*SHORT, "launch.jobs=2")
    assert code == 2
    assert "Only a sweep has this setting: add -m." in err
    code, _, err = dlrun("-m", *SHORT, "launch.jbos=2", "launch.pack=on,off", "search=grit")
    assert code == 2
    assert 'A sweep has no such setting. Did you mean "launch.jobs"?' in err
    assert "launch.pack is a setting of the sweep itself and cannot be swept. For a list, write [A,B]." in err
    assert 'Expected one of grid, random, lhs, tpe, got "grit". Did you mean "grid"?' in err


def test_the_same_command_in_a_named_folder_goes_on(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("-m", *SHORT, "launch.jobs=1", "hydra.sweep.dir=mine", "--quiet")
    assert dlrun(*words, "optimizer.lr=0.1,0.01")[0] == 0
    first = (own_folder / "mine/0/result.json").stat().st_mtime_ns
    (own_folder / "mine/1/result.json").unlink()
    code, out, err = dlrun(*words, "optimizer.lr=0.1,0.01")
    assert code == 0, err
    assert "going on with the sweep in" in err
    assert [line.split()[0] for line in out.splitlines()[1:3]] in (POINTS, POINTS[::-1])
    assert (own_folder / "mine/0/result.json").stat().st_mtime_ns == first
    assert (own_folder / "mine/1/result.json").exists()
    assert not (own_folder / "mine_2").exists()


def test_a_point_is_taken_over_from_an_earlier_sweep(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("-m", *SHORT, "launch.jobs=1", "--quiet")
    assert dlrun(*words, "seed=0,1", "hydra.sweep.dir=first")[0] == 0
    code, _, err = dlrun(*words, "seed=1,2", "hydra.sweep.dir=second", "launch.reuse=first")
    assert code == 0
    assert f"point 0 is taken over from {own_folder / 'first/1'}" in err
    rows = [json.loads(line) for line in (own_folder / "second/sweep.jsonl").read_text().splitlines()]
    reused = str(own_folder / "first/1")
    assert [(row["overrides"], row["reused"], row["run_dir"]) for row in rows] == [
        (["seed=1"], reused, reused),
        (["seed=2"], None, str(own_folder / "second/1")),
    ]
    assert not (own_folder / "second/0").exists()
    assert dlrun(*words, "seed=1,2,3", "hydra.sweep.dir=second")[0] == 0
    assert not (own_folder / "second/0").exists()  # it stays taken over
    assert dlrun("share", "second", "-o", "shared.yaml", "--quiet")[0] == 0


def test_reuse_names_a_folder(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "launch.reuse=gone")
    assert code == 2
    assert "launch.reuse=gone\n      There is no such folder. Expected one with runs" in err
    assert not (own_folder / "outputs").exists()


def test_fail_fast_ends_with_the_first_failure_and_says_how_to_go_on(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("dataset=iris", "model=linear,cnn,mlp", "trainer.epochs=1", "device.threads=1", "launch.jobs=1", "--quiet")
    code, out, err = dlrun("-m", *words, "launch.fail_fast=true", "hydra.sweep.dir=mine")
    assert code == 2
    assert f"launch.fail_fast: point 1 failed, and 1 point did not end; dlrun resume {own_folder / 'mine'}" in err
    assert [line.split()[0] for line in out.splitlines()] == ["point", "0", "1"]


def test_a_stopped_sweep_prints_its_table_and_the_command_that_goes_on(
    dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_one = point_runner.run_one

    def stopped_at_the_second(composed: Composed, catalog: Catalog, path: Path, **others: Any) -> Any:
        if path.name == "1":
            raise Interrupted(2, "Stopped.")
        return run_one(composed, catalog, path, **others)

    monkeypatch.setattr(point_runner, "run_one", stopped_at_the_second)
    words = ("-m", *SHORT, "optimizer.lr=0.1,0.01,0.001", "launch.jobs=1", "hydra.sweep.dir=mine", "--quiet")
    code, out, err = dlrun(*words)
    assert code == 130
    assert [line.split()[-1] for line in out.splitlines()] == ["status", "completed", "interrupted"]
    folder = own_folder / "mine"
    assert f"The sweep was stopped after 1 of 3 points; their results are in {folder}." in err
    assert f"dlrun resume {folder}   goes on with it" in err
    monkeypatch.setattr(point_runner, "run_one", run_one)
    assert dlrun("resume", "mine", "--quiet")[0] == 0


def test_a_sweep_of_a_version_without_a_ledger_goes_on(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("-m", *SHORT, "optimizer.lr=0.1,0.01", "launch.jobs=1", "hydra.sweep.dir=mine", "--quiet")
    assert dlrun(*words)[0] == 0
    for name in ("sweep.json", "points.jsonl", ".lock", "1/result.json"):
        (own_folder / "mine" / name).unlink()
    first, _ = (own_folder / "mine/sweep.jsonl").read_text().splitlines()
    (own_folder / "mine/sweep.jsonl").write_text(first + "\n")  # killed while it trained the second
    trained = (own_folder / "mine/0/result.json").stat().st_mtime_ns
    code, out, err = dlrun(*words)
    assert code == 0, err
    assert "going on with the sweep in" in err
    assert [line.split()[0] for line in out.splitlines()[1:3]] in (POINTS, POINTS[::-1])
    assert (own_folder / "mine/0/result.json").stat().st_mtime_ns == trained
    assert (own_folder / "mine/1/result.json").exists()
    assert dlrun("resume", "mine", "--quiet")[0] == 0  # it has a ledger now


ENDLESS = (
    "trainer.epochs=1000000", "checkpoint.every_epochs=10", "seed=0,1,2",
    "hydra.sweep.dir=s", "launch.jobs=2", "launch.pack=off",
)  # fmt: skip
Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture
def start(own_folder: Path) -> Iterator[Start]:
    """Start a sweep of endless points in a process with DLRUN_TEST=MARK; return once two points have saved."""
    started: list[subprocess.Popen[str]] = []

    def begin(mark: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "dlrun", "-m", *SHORT[:2], *SHORT[3:], *ENDLESS]
        environment = {**os.environ, "DLRUN_TEST": mark, "PYTHONPATH": os.pathsep.join(sys.path)}
        sweep = subprocess.Popen(command, cwd=own_folder, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(sweep)
        until = time.monotonic() + 60
        while len(list(own_folder.glob("s/*/checkpoints/last"))) < 2:
            assert sweep.poll() is None, sweep.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.05)
        return sweep

    yield begin
    for sweep in started:
        with sweep:
            sweep.kill()


def test_a_sweep_that_is_killed_leaves_no_process(own_folder: Path, start: Start) -> None:
    mark = f"killed-{own_folder}"
    sweep = start(mark)
    assert len(started_with(f"DLRUN_TEST={mark}")) >= 5  # the sweep, two that workers are forked from, two workers
    sweep.kill()
    sweep.communicate()
    left = wait_until_none(lambda: started_with(f"DLRUN_TEST={mark}"), patience_s=5)
    assert [describe(process) for process in left] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_every_point_that_has_begun(own_folder: Path, start: Start, number: int, code: int) -> None:
    mark = f"{number}-{own_folder}"
    sweep = start(mark)
    sweep.send_signal(number)
    err = sweep.communicate(timeout=60)[1]
    assert sweep.returncode == code, err
    assert "The sweep was stopped after 0 of 3 points" in err
    found = sorted((own_folder / "s/sweep.jsonl").read_text().splitlines())
    assert [json.loads(line)["status"] for line in found] == ["interrupted", "interrupted"]
    assert [json.loads(line)["exit_code"] for line in found] == [code, code]
    assert len(list(own_folder.glob("s/*/checkpoints/last"))) == 2
    assert [describe(process) for process in started_with(f"DLRUN_TEST={mark}")] == []


def test_a_killed_point_is_a_row_and_the_others_go_on(own_folder: Path, start: Start) -> None:
    sweep = start("point")
    owner = (own_folder / "s/0/.lock").read_text()
    os.kill(int(owner.split()[1]), signal.SIGKILL)
    until = time.monotonic() + 30
    while not (own_folder / "s/2/checkpoints/last").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    sweep.send_signal(signal.SIGTERM)
    sweep.communicate(timeout=60)
    rows = {row["point"]: row for row in map(json.loads, (own_folder / "s/sweep.jsonl").read_text().splitlines())}
    assert [rows[number]["status"] for number in range(3)] == ["failed", "interrupted", "interrupted"]
    assert rows[0]["error"] == (
        "Its process was killed by signal 9 (SIGKILL), perhaps because memory ran out. "
        "dlrun resume continues the run from its last checkpoint."
    )
