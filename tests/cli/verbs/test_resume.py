"""`dlrun resume`, and what every verb says about the folder of a saved run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]


def test_the_same_command_with_resume_auto_starts_and_resumes(dlrun: Dlrun, own_folder: Path) -> None:
    words = (*SHORT, "hydra.run.dir=mine", "resume=auto", "--quiet")
    assert dlrun(*words)[0] == 0
    first = (own_folder / "mine" / "metrics.jsonl").read_text()
    assert dlrun(*words)[0] == 0
    assert (own_folder / "mine" / "metrics.jsonl").read_text() == first


def test_resume_extends_a_run(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("mine")
    code, _, err = dlrun("resume", "mine", "trainer.epochs=4")
    assert code == 0
    assert "resume  from step 8" in err
    assert json.loads((folder / "result.json").read_text())["epochs"] == 4
    assert "epochs: 4" in (folder / "config.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resume", "nowhere"), "nowhere\n      There is no such folder. `dlrun runs` lists runs."),
        (
            ("resume", "."),
            ".\n      There is no sweep and no run in this folder: it has neither sweep.jsonl nor config.yaml.",
        ),
        (("eval", "nowhere"), "nowhere\n      There is no run in this folder: it has no config.yaml."),
        (
            ("resume", "mine", "recipe=mlp_digits"),
            "A saved run keeps its configuration; start a new run",
        ),
        (("resume", "mine", "recipe"), "recipe\n      Expected KEY=VALUE."),
        (("resume", "mine", "trainer.epoch=4"), 'Did you mean "trainer.epochs"?'),
    ],
)
def test_mistakes_about_a_saved_run_are_errors(
    short_run: Callable[..., Path], dlrun: Dlrun, words: tuple[str, ...], message: str
) -> None:
    short_run("mine")
    code, _, err = dlrun(*words)
    assert code == 2
    assert message in err


def test_a_sweep_is_resumed_by_its_folder_alone(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("-m", *SHORT, "seed=0,1,2", "launch.jobs=1", "hydra.sweep.dir=swept", "--quiet")
    code, table, err = dlrun(*words)
    assert code == 0, err
    before = {path: path.stat().st_mtime_ns for path in own_folder.glob("swept/*/result.json")}
    shutil.rmtree(own_folder / "swept/1")
    code, again, err = dlrun("resume", "swept", "launch.jobs=1", "--quiet")
    assert code == 0, err
    assert "going on with the sweep in" in err
    assert [line.split()[:4] for line in again.splitlines()] == [line.split()[:4] for line in table.splitlines()]
    after = {path: path.stat().st_mtime_ns for path in own_folder.glob("swept/*/result.json")}
    assert [path.parent.name for path in before if before[path] != after[path]] == ["1"]
