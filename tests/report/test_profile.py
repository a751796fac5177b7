"""dlrun.report.profile: the phases of a profile add up to its total time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.conftest import SHORT

PHASES = {"data", "forward", "backward", "step", "evaluate", "log", "save", "other"}


def test_a_profile_has_the_time_of_every_phase(dlrun: Callable[..., tuple[int, str, str]], own_folder: Path) -> None:
    code, out, err = dlrun(*SHORT, "trainer.epochs=15", "--profile", "hydra.run.dir=mine")
    assert code == 0, err
    profile = json.loads((own_folder / "mine" / "profile.json").read_text())
    assert set(profile["seconds"]) == PHASES
    assert profile["steps"] == 60
    assert 0 < profile["writing_seconds"] < profile["total_seconds"]
    assert sum(profile["seconds"].values()) > 0.999 * profile["total_seconds"]
    assert abs(sum(profile["share"].values()) - 1) < 0.01
    assert all(profile["seconds"][phase] > 0 for phase in PHASES)
    assert profile["tracing_seconds"] > 0
    total = json.loads((own_folder / "mine" / "result.json").read_text())["seconds"]["total"]
    assert profile["total_seconds"] + profile["tracing_seconds"] < total, "the trace is no time of the loop"
    trace = json.loads((own_folder / "mine" / "trace.json").read_text())
    assert any("addmm" in str(event.get("name")) for event in trace["traceEvents"])
    assert {line.split()[0] for line in out.splitlines() if line} >= PHASES


def test_a_profile_changes_no_result(short_run: Callable[..., Path]) -> None:
    folders = [short_run("a"), short_run("b", "--profile")]
    weights = [(folder / "checkpoints" / "step-8" / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1]


def test_short_runs_are_traced_too(short_run: Callable[..., Path]) -> None:
    folder = short_run("a", "trainer.epochs=6", "--profile")  # 24 steps: ends while tracing
    assert (folder / "trace.json").stat().st_size > 1000


def test_a_resumed_run_can_be_profiled(
    short_run: Callable[..., Path], dlrun: Callable[..., tuple[int, str, str]]
) -> None:
    folder = short_run("mine")
    code, _, err = dlrun("resume", "mine", "trainer.epochs=4", "--profile")
    assert code == 0, err
    assert json.loads((folder / "profile.json").read_text())["steps"] == 16
