"""`dlrun compare`: what differs, and the metrics."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]


def test_compare_shows_what_differs_in_configuration_and_metrics(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("a", "optimizer.lr=0.1")
    short_run("b", "optimizer.lr=0.2", "seed=1")
    code, out, _ = dlrun("compare", "a", "b", "--json")
    assert code == 0
    compared = json.loads(out)
    assert compared["differs"] == {"optimizer.lr": [0.1, 0.2], "seed": [0, 1]}
    assert set(compared["metrics"]) >= {"val/accuracy", "test/accuracy"}
    _, out, _ = dlrun("compare", "a", "b")
    assert "optimizer.lr   0.1  0.2" in out
    assert "A: a (completed)" in out
    short_run("c", "optimizer.lr=0.1")
    assert "(the same configuration)" in dlrun("compare", "a", "c")[1]


def test_values_and_changes_of_a_metric_have_as_many_decimals(short_run: ShortRun, dlrun: Dlrun) -> None:
    run = short_run("first")
    result = json.loads((run / "result.json").read_text())
    for name, rmse in (("a", 99.1234), ("b", 103.2871), ("c", 98.0), ("d", 99.1234)):
        shutil.copytree(run, name)
        Path(name, "result.json").write_text(json.dumps({**result, "metrics": {"val/rmse": rmse}}))
    _, out, _ = dlrun("compare", "a", "b", "c", "d")
    (line,) = [line.split() for line in out.splitlines() if line.startswith("val/rmse")]
    assert line[1:] == ["99.123", "103.287", "(+4.164)", "98.000", "(-1.123)", "99.123", "(0)"]


def test_a_folder_without_a_run_cannot_be_compared(dlrun: Dlrun, short_run: ShortRun) -> None:
    short_run("a")
    code, _, err = dlrun("compare", "a", "nowhere")
    assert code == 2
    assert "There is no run in this folder" in err


def test_a_sweep_is_compared_by_its_settings(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "optimizer.lr=1e-6,0.1", "seed=0,1,2", "hydra.sweep.dir=mine", "--quiet")
    assert code == 0, err
    code, out, _ = dlrun("compare", "mine")
    assert code == 0
    assert out.startswith("what moved val/accuracy (6 completed points)")
    assert "optimizer.lr" in out
    (part,) = json.loads(dlrun("compare", "mine", "--json")[1])["parts"]
    assert [each["key"] for each in part["settings"]] == ["optimizer.lr"]
    assert [row["settings"] for row in part["rows"]] == [{"optimizer.lr": 0.1}, {"optimizer.lr": 1e-6}]
    assert "what moved test/loss" in dlrun("compare", "mine", "--sort", "test/loss")[1]


def test_what_is_no_sweep_or_a_sweep_among_runs_is_an_error(
    short_run: ShortRun, dlrun: Dlrun, own_folder: Path
) -> None:
    short_run("a")
    code, _, err = dlrun("compare", "a")
    assert code == 2
    assert "Expected at least two runs' folders, or a sweep's; this is no sweep" in err
    assert "nowhere\n      There is no such folder." in dlrun("compare", "nowhere")[2]
    (own_folder / "s").mkdir()
    (own_folder / "s" / "sweep.jsonl").write_text("")
    code, _, err = dlrun("compare", "a", "s")
    assert code == 2
    assert "This is a sweep: compare it alone, or its runs, which are the folders in it." in err
    code, _, err = dlrun("compare", "a", "a", "--sort", "test/loss")
    assert code == 2
    assert "It has a meaning only for a sweep, not between runs." in err
    assert dlrun("compare", "s")[1] == "No point of s has ended yet.\n"
