"""`dlrun compare`: what differs, and the metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

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


def test_a_folder_without_a_run_cannot_be_compared(dlrun: Dlrun, short_run: ShortRun) -> None:
    short_run("a")
    code, _, err = dlrun("compare", "a", "nowhere")
    assert code == 2
    assert "There is no run in this folder" in err
