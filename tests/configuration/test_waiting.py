from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest

from dlrun.cli.main import main
from dlrun.configuration.waiting import wait_briefly


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux on x86-64, whatever the tests run on."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))


def test_threads_give_their_core_up_after_few_spins() -> None:
    environment = {"HOME": "/home"}
    wait_briefly(environment)
    assert environment == {"HOME": "/home", "GOMP_SPINCOUNT": "1500"}


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "5"), ("OMP_WAIT_POLICY", "ACTIVE")])
def test_what_the_user_chose_stays(name: str, value: str) -> None:
    environment = {name: value}
    wait_briefly(environment)
    assert environment == {name: value}


@pytest.mark.parametrize(("platform", "machine_name"), [("darwin", "x86_64"), ("linux", "aarch64")])
def test_other_machines_were_not_measured_and_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch, platform: str, machine_name: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine_name))
    environment: dict[str, str] = {}
    wait_briefly(environment)
    assert environment == {}


def test_every_command_waits_briefly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    assert main(["ls", "device"]) == 0
    assert os.environ["GOMP_SPINCOUNT"] == "1500"
    assert "cuda" in capsys.readouterr().out
