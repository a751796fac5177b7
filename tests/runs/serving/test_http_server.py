"""dlrun.runs.serving.http_server: which connections are ended, by a clock of the test."""

from __future__ import annotations

from typing import Any

import pytest

uvicorn = pytest.importorskip("uvicorn")


class Transport:
    """What a connection writes to."""

    def __init__(self) -> None:
        self.unread, self.is_open = 0, True

    def get_write_buffer_size(self) -> int:
        return self.unread

    def abort(self) -> None:
        self.is_open = False


class Cycle:
    """A request and its answer."""

    def __init__(self, *, response_complete: bool) -> None:
        self.response_complete = response_complete


class Connection:
    """A connection of the server."""

    def __init__(self, *, is_answered: bool | None = None) -> None:
        """is_answered: its request; None: it has none."""
        self.transport = Transport()
        self.cycle = None if is_answered is None else Cycle(response_complete=is_answered)


def server_with(*connections: Connection) -> Any:
    from dlrun.runs.serving.http_server import HttpServer

    server = HttpServer(uvicorn.Config(lambda: None), silence_s=30.0)
    connections_of: set[Any] = server.server_state.connections
    connections_of.update(connections)
    return server


def test_silent_connections_are_ended_and_busy_ones_are_not() -> None:
    silent, answered, busy = Connection(), Connection(is_answered=True), Connection(is_answered=False)
    server = server_with(silent, answered, busy)
    for now in (0.0, 15.0, 30.0):
        server.end_silent(now)
    assert silent.transport.is_open
    answered.cycle = Cycle(response_complete=True)  # another request
    server.end_silent(31.0)
    assert [each.transport.is_open for each in (silent, answered, busy)] == [False, True, True]
    server.end_silent(62.0)
    assert [each.transport.is_open for each in (answered, busy)] == [False, True]


def test_an_answer_that_is_read_slowly_is_no_silence_but_one_that_is_not_read() -> None:
    reader = Connection(is_answered=True)
    server = server_with(reader)
    for now, unread in ((0.0, 9000), (29.0, 8000), (58.0, 7000), (80.0, 7000)):
        reader.transport.unread = unread
        server.end_silent(now)
    assert reader.transport.is_open
    server.end_silent(89.0)
    assert not reader.transport.is_open


def test_where_many_are_open_two_seconds_of_silence_are_enough() -> None:
    connections = [Connection() for _ in range(501)]
    server = server_with(*connections)
    server.end_silent(0.0)
    server.end_silent(2.5)
    assert not any(each.transport.is_open for each in connections)


def test_a_second_signal_ends_what_is_in_flight() -> None:
    busy = Connection(is_answered=False)
    server = server_with(busy)
    server.handle_exit(15, None)
    assert (server.should_exit, server.force_exit, busy.transport.is_open) == (True, False, True)
    server.handle_exit(15, None)
    assert (server.should_exit, server.force_exit, busy.transport.is_open) == (True, True, False)
