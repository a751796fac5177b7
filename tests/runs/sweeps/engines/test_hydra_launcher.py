"""dlrun.runs.sweeps.engines.hydra_launcher: Hydra's launchers that are installed run the points."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.sweeps.engines.hydra_launcher import asks_for_launcher, check_launcher
from tests.conftest import SHORT
from tests.runs.sweeps.engines.cluster.sweeps import weights

Dlrun = Callable[..., tuple[int, str, str]]
PACKAGES = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}


def needs(launcher: str) -> None:
    name = PACKAGES[launcher]
    if importlib.util.find_spec("hydra_plugins") is None or importlib.util.find_spec(f"hydra_plugins.{name}") is None:
        pytest.skip(f"{name} is not installed: pip install {name.replace('_', '-')}")


def rows(folder: str) -> list[tuple[int, str]]:
    found = [json.loads(line) for line in Path(folder, "sweep.jsonl").read_text().splitlines()]
    return sorted((row["point"], row["status"]) for row in found)


@pytest.mark.parametrize("launcher", PACKAGES)
def test_a_launcher_that_is_installed_runs_the_points(
    launcher: str, dlrun: Dlrun, short_run: Callable[..., Path]
) -> None:
    needs(launcher)
    words = (f"hydra/launcher={launcher}", "hydra.sweep.dir=mine", "--quiet")
    code, out, err = dlrun("-m", *SHORT, "seed=0,1", *words)
    assert code == 0, err
    assert "completed" in out
    assert rows("mine") == [(0, "completed"), (1, "completed")]
    assert weights(Path("mine/1")) == weights(short_run("alone", "seed=1"))


def test_ctrl_c_saves_the_points_wherever_they_run(own_folder: Path) -> None:
    needs("joblib")
    words = (*SHORT, "trainer.epochs=100000", "seed=0,1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    command = [sys.executable, "-m", "dlrun", "-m", *words, "hydra.sweep.dir=mine", "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 60
    while len(list(own_folder.glob("mine/*/metrics.jsonl"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)  # only the sweep: its workers hear of it through the folder
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "The sweep was stopped after 0 of 3 points" in err
    assert rows("mine") == [(0, "interrupted"), (1, "interrupted")]
    assert not (own_folder / "mine/.launcher-orders.jsonl").exists()


def test_a_launcher_that_is_not_installed_is_told_before_the_first_point(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "hydra/launcher=basci", "hydra.sweep.dir=mine")
    assert code == 2
    assert "hydra/launcher=basci\n      No such launcher is installed; packages such as hydra-joblib-launcher" in err
    assert 'Did you mean "hydra/launcher=basic"?' in err
    assert not (own_folder / "mine").exists()


def test_a_setting_that_the_launcher_does_not_have_is_told(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", "hydra/launcher=basic", "hydra.launcher.jobs=2")
    assert code == 2
    assert "hydra/launcher=basic\n      Could not override 'hydra.launcher.jobs'." in err
    assert not (own_folder / "outputs").exists()


def test_settings_that_no_launcher_serves_are_told_each() -> None:
    with pytest.raises(ConfigError) as caught:
        check_launcher(["hydra/launcher=basic"], ["search", "launch.jobs"], [])
    what = "Hydra's launcher knows only points that are listed, and runs them in its own way: "
    what += "leave this or hydra/launcher=basic out."
    assert [(each.where, each.message) for each in caught.value.problems] == [("search", what), ("launch.jobs", what)]


def test_a_launcher_may_come_from_a_folder_of_options(tmp_path: Path) -> None:
    (tmp_path / "hydra/launcher").mkdir(parents=True)
    (tmp_path / "hydra/launcher/mine.yaml").write_text("_target_: hydra._internal.core_plugins.basic_launcher\n")
    check_launcher(["hydra/launcher=mine"], [], [tmp_path])


def test_a_launcher_that_fails_ends_the_sweep_in_words(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "mine/hydra/launcher").mkdir(parents=True)
    (own_folder / "mine/hydra/launcher/broken.yaml").write_text("_target_: no.such.Launcher\n")
    words = ("hydra/launcher=broken", "--config-dir", "mine", "hydra.sweep.dir=sweep", "--quiet")
    code, _, err = dlrun("-m", *SHORT, "seed=0,1", *words)
    assert code == 1
    assert re.search(
        r"Hydra's launcher failed; what it says is above\. The points that ended are in .*sweep\.jsonl", err
    )


def test_only_hydra_launcher_asks_for_one() -> None:
    assert asks_for_launcher(["hydra.sweep.dir=a", "hydra/launcher=joblib"])
    assert asks_for_launcher(["+hydra/launcher=joblib"])
    assert not asks_for_launcher(["hydra.launcher.n_jobs=2"])
