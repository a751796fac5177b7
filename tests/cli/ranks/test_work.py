"""dlrun.cli.ranks.work: what is written on a line arrives whole."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dlrun.cli.ranks.work import Messages, Work, receive_work, send, send_work
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog


def test_work_arrives_as_it_was() -> None:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris", "seed=3"], catalog), catalog)
    work = Work(compose(plan, catalog), (), (), Path("here"), asked=True, quiet=False, profile=False, cores=2, point=7)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_work(ours, work)
        assert receive_work(theirs) == work


def test_without_a_launcher_there_is_no_work() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\0\0")
        ours.close()
        with pytest.raises(EOFError):
            receive_work(theirs)


def test_messages_come_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, {"folder": "a\nb"})
        send(ours, {"asks": 1})
        sent = theirs.recv(1000)
    messages = Messages()
    assert messages.read(sent[:5]) == []
    assert messages.read(sent[5:]) == [{"folder": "a\nb"}, {"asks": 1}]
