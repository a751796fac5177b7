"""`dlrun runs`: a table of runs, best first."""

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


def test_a_metric_that_no_run_has_is_an_error(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a")
    code, _, err = dlrun("runs", "--sort", "test/los")
    assert code == 2
    assert 'No run here has this metric. Did you mean "test/loss"?' in err


def test_a_folder_without_runs_says_so(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "outputs").mkdir()
    assert dlrun("runs")[1] == "There are no runs in outputs.\n"


def test_a_run_without_a_result_is_unfinished(short_run: ShortRun, dlrun: Dlrun) -> None:
    folder = short_run("outputs/a")
    (folder / "result.json").unlink()
    _, out, _ = dlrun("runs")
    assert "unfinished" in out


def test_a_folder_that_does_not_exist_is_an_error(dlrun: Dlrun) -> None:
    code, _, err = dlrun("runs", "nowhere")
    assert code == 2
    assert "nowhere\n      There is no such folder." in err
