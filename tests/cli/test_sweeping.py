"""`dlrun -m`: every point has a row, and none hides another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli import point_runner
from dlrun.configuration.compose import Composed
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import Interrupted
from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]


def rows(own_folder: Path) -> list[dict[str, object]]:
    (path,) = own_folder.glob("outputs/sweeps/*/*/sweep.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda row: int(row["point"]))  # points end in any order


def test_a_sweep_prints_one_table_best_first(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun("-m", *SHORT, "optimizer.lr=1e-6,0.1", "seed=0,1")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split()[:4] == ["point", "optimizer.lr", "seed", "val/accuracy"]
    values = [float(line.split()[3]) for line in lines[1:]]
    assert len(values) == 4
    assert values == sorted(values, reverse=True)
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
    assert out.splitlines()[-1].split()[1] == "cnn"


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
    assert len(out.splitlines()) == 5


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
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", *words)
    assert code == 0, err
    rows = [json.loads(line) for line in (own_folder / "mine/sweep.jsonl").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["completed", "completed"]
    (own_folder / "mine/1/result.json").unlink()
    for _ in range(2):  # the second has nothing to launch
        code, out, err = dlrun("-m", *SHORT, "seed=0,1", *words)
        assert code == 0, err
        assert "going on with the sweep" in err
        assert len(out.splitlines()) == 3
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
    assert dlrun(*words, "seed=0,1")[0] == 0
    first = (own_folder / "mine/0/result.json").stat().st_mtime_ns
    (own_folder / "mine/1/result.json").unlink()
    code, out, err = dlrun(*words, "seed=0,1")
    assert code == 0, err
    assert "going on with the sweep in" in err
    assert len(out.splitlines()) == 3
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
    words = ("-m", *SHORT, "seed=0,1,2", "launch.jobs=1", "hydra.sweep.dir=mine", "--quiet")
    code, out, err = dlrun(*words)
    assert code == 130
    assert [line.split()[-1] for line in out.splitlines()] == ["status", "completed", "interrupted"]
    folder = own_folder / "mine"
    assert f"The sweep was stopped after 1 of 3 points; their results are in {folder}." in err
    assert f"dlrun resume {folder}   goes on with it" in err
    monkeypatch.setattr(point_runner, "run_one", run_one)
    assert dlrun("resume", "mine", "--quiet")[0] == 0


def test_a_sweep_of_a_version_without_a_ledger_goes_on(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("-m", *SHORT, "seed=0,1", "launch.jobs=1", "hydra.sweep.dir=mine", "--quiet")
    assert dlrun(*words)[0] == 0
    for name in ("sweep.json", "points.jsonl", ".lock", "1/result.json"):
        (own_folder / "mine" / name).unlink()
    first, _ = (own_folder / "mine/sweep.jsonl").read_text().splitlines()
    (own_folder / "mine/sweep.jsonl").write_text(first + "\n")  # killed while it trained the second
    trained = (own_folder / "mine/0/result.json").stat().st_mtime_ns
    code, out, err = dlrun(*words)
    assert code == 0, err
    assert "going on with the sweep in" in err
    assert len(out.splitlines()) == 3
    assert (own_folder / "mine/0/result.json").stat().st_mtime_ns == trained
    assert (own_folder / "mine/1/result.json").exists()
    assert dlrun("resume", "mine", "--quiet")[0] == 0  # it has a ledger now
