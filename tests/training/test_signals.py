"""dlrun.training.signals: requests to stop, one within another. Whole runs: tests/runs/test_run.py, tests/faults."""

from __future__ import annotations

import os
import signal

import pytest

from dlrun.errors import Interrupted
from dlrun.training.signals import StopRequest


def test_a_stop_that_came_before_holds_within() -> None:
    with StopRequest() as outer:
        os.kill(os.getpid(), signal.SIGTERM)
        with StopRequest() as inner:
            assert inner.signal == signal.SIGTERM
            with pytest.raises(Interrupted) as caught:
                inner.raise_if_requested()
        assert caught.value.exit_code == 143
        assert outer.signal == signal.SIGTERM
    with StopRequest() as later:
        assert later.signal is None


def test_of_several_processes_the_first_says_that_it_saves(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "here", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    printed = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        with StopRequest():
            os.kill(os.getpid(), signal.SIGINT)
        printed.append(capfd.readouterr().err)
    assert printed == ["\ndlrun: saving after this step; press Ctrl-C again to exit at once.\n", ""]
