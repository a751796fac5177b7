"""dlrun.cli.ranks.lifeline: a process ends with what started it."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from dlrun.cli.ranks.lifeline import Lifeline, die_with_parent
from dlrun.cli.ranks.line import send


def test_it_brings_answers_and_ends_with_its_launcher() -> None:
    ended = threading.Event()
    ours, theirs = socket.socketpair()
    with theirs:
        lifeline = Lifeline(theirs, die=ended.set)
        send(ours, {"reason": "halving"})
        assert lifeline.ask({"asks": 3}) == {"reason": "halving"}
        assert ours.recv(100) == b'{"asks": 3}\n'
        assert not ended.is_set()
        ours.close()
        assert ended.wait(5)


def test_a_process_whose_parent_ended_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([10, 10, 10, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    ended = threading.Event()
    die_with_parent(look_s=0.001, die=ended.set)
    assert ended.wait(5)
