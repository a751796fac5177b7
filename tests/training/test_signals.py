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
