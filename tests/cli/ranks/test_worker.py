"""dlrun.cli.ranks.worker: what a process tells its launcher of a point of a sweep, and of its own end."""

from __future__ import annotations

import dataclasses
import json
import socket

from dlrun.cli.ranks.lifeline import Lifeline
from dlrun.cli.ranks.line import send
from dlrun.cli.ranks.worker import LauncherChannel, described
from dlrun.errors import DataError, Interrupted
from dlrun.runs.sweeps.jobs import Measured, MemoryWatch, Started


def test_a_point_is_observed_through_the_launcher() -> None:
    measured = Measured(3, 1, 40, 0.5, {"val/loss": 0.25}, 80, {"metric": "val/loss", "value": 0.25})
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = LauncherChannel(Lifeline(theirs, die=lambda: None))
        assert isinstance(channel, MemoryWatch)
        channel.report(Started(3))  # the launcher tells it
        channel.report(measured)
        channel.needs(100, 1000)
        send(ours, {"reason": "halving"})
        assert channel.stop_reason(3) == "halving"
        first, second, third = map(json.loads, ours.recv(10_000).splitlines())
    assert Measured(**first["measured"]) == measured
    assert dataclasses.asdict(measured) == first["measured"]
    assert second == {"needs": [100, 1000]}
    assert third == {"asks": 3}


def test_an_error_is_told_as_plain_values() -> None:
    found = described(Interrupted(15, "Stopped."))
    assert (found["kind"], found["text"], found["exit_code"]) == ("Interrupted", "Stopped.", 143)
    assert found["is_ours"]
    assert described(DataError("a"))["text"] == "a"
    found = described(KeyError("a"))
    assert (found["text"], found["exit_code"], found["is_ours"]) == ("KeyError: 'a'", 1, False)
    assert json.loads(json.dumps(found)) == found
