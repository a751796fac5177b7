"""dlrun.cli.ranks.line: what is written on a line arrives whole."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dlrun.cli.ranks.line import Assignment, Messages, receive_assignment, send, send_assignment
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog


def test_work_arrives_as_it_was() -> None:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris", "seed=3"], catalog), catalog)
    assignment = Assignment(
        compose(plan, catalog), (), (), Path("here"), asked=True, quiet=False, profile=False, cores=2, point=7
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_assignment(ours, assignment)
        assert receive_assignment(theirs) == assignment


def test_without_a_launcher_there_is_no_work() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\0\0")
        ours.close()
        with pytest.raises(EOFError):
            receive_assignment(theirs)


def test_messages_come_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, {"folder": "a\nb"})
        send(ours, {"asks": 1})
        sent = theirs.recv(1000)
    messages = Messages()
    assert messages.read(sent[:5]) == []
    assert messages.read(sent[5:]) == [{"folder": "a\nb"}, {"asks": 1}]
