"""dlrun.runs.sweeps.engines.choose: when points leave this process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.settings import LaunchSettings
from dlrun.errors import ConfigError
from dlrun.runs.sweeps.engines import choose
from dlrun.runs.sweeps.engines.choose import choose_engine
from dlrun.runs.sweeps.engines.cluster.probe import Needs
from dlrun.runs.sweeps.engines.in_process import InProcess
from dlrun.runs.sweeps.engines.local import capacity
from dlrun.runs.sweeps.engines.local.engine import Local
from tests.runs.sweeps.engines.local.actors import Actor, job


def chosen(folder: Path, settings: LaunchSettings = LaunchSettings(), **asked: Any) -> type:  # noqa: B008 - frozen
    example = job(folder, 0, "completes").points[0].plan
    return type(choose_engine(settings, Actor(folder), **{"num_points": 5, "example": example, "needs": None, **asked}))


def test_several_points_go_to_processes_of_their_own(tmp_path: Path) -> None:
    assert chosen(tmp_path) is Local
    assert chosen(tmp_path, LaunchSettings(jobs=2)) is Local
    assert chosen(tmp_path, num_points=None) is Local


def test_points_stay_in_this_process_where_that_is_asked_for_or_one_is_all(tmp_path: Path) -> None:
    assert chosen(tmp_path, LaunchSettings(jobs=1)) is InProcess
    assert chosen(tmp_path, num_points=1) is InProcess
    assert chosen(tmp_path, LaunchSettings(jobs=2), in_process=True) is InProcess


def test_a_point_has_a_core_for_each_of_its_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    catalog = Catalog()
    monkeypatch.setattr(choose, "Local", lambda run_job, places: places(0))
    monkeypatch.setattr(capacity, "cores", lambda: 8)
    found = []
    for words in ((), ("device.processes=2",), ("device.processes=2", "device.threads=2")):
        (plan,) = plan_runs(parse_overrides(["dataset=iris", *words], catalog), catalog)
        places: Any = choose_engine(LaunchSettings(), Actor(tmp_path), num_points=9, example=plan, needs=Needs)
        found.append(len(places.devices))
    assert found == [8, 4, 2]


def test_where_processes_cannot_be_forked_points_stay_or_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert chosen(tmp_path) is InProcess
    with pytest.raises(ConfigError) as caught:
        chosen(tmp_path, LaunchSettings(jobs=2))
    assert "launch.jobs=2" in str(caught.value)
    assert "Several points at once need Linux; this is darwin. Use launch.jobs=1." in str(caught.value)
