"""The verbs that look back: runs and compare."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]


def test_runs_lists_best_first(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/slow", "optimizer.lr=1e-7")
    short_run("outputs/fast", "optimizer.lr=0.1")
    code, out, _ = dlrun("runs")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["run", "outputs/fast", "outputs/slow"]
    _, out, _ = dlrun("runs", "--sort", "test/loss", "--json")
    losses = [run["metrics"]["test/loss"] for run in json.loads(out)]
    assert losses == sorted(losses)


def test_a_metric_that_no_run_has_is_told(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a")
    code, _, err = dlrun("runs", "--sort", "test/los")
    assert code == 2
    assert 'No run here has this metric. Did you mean "test/loss"?' in err


def test_no_runs_are_told(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "outputs").mkdir()
    assert dlrun("runs")[1] == "There are no runs in outputs.\n"


def test_a_run_without_a_result_is_unfinished(short_run: ShortRun, dlrun: Dlrun) -> None:
    folder = short_run("outputs/a")
    (folder / "result.json").unlink()
    _, out, _ = dlrun("runs")
    assert "unfinished" in out


def test_compare_shows_what_differs_and_what_that_did(short_run: ShortRun, dlrun: Dlrun) -> None:
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


def test_compare_needs_runs(dlrun: Dlrun, short_run: ShortRun) -> None:
    short_run("a")
    code, _, err = dlrun("compare", "a", "nowhere")
    assert code == 2
    assert "There is no run in this folder" in err
