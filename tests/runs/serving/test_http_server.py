"""dlrun.runs.serving.http_server: which connections are ended, by a clock of the test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

h11 = pytest.importorskip("h11")
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


def server_with(*connections: Connection, tell: Callable[[str], None] = print) -> Any:
    from dlrun.runs.serving.http_server import HttpServer

    server = HttpServer(uvicorn.Config(lambda: None), silence_s=30.0, tell=tell)
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


def test_what_fails_in_the_event_loop_is_told_in_a_line_but_not_a_broken_connection() -> None:
    told: list[str] = []

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive, send

    async def fail() -> None:
        raise ValueError("of a task")

    async def run() -> None:
        await server.startup([])
        loop = asyncio.get_running_loop()
        loop.call_soon(int, "no number")
        task = loop.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
        gc.collect()  # a task is told once nobody can ask for its exception
        broken = {"message": "Fatal read error on socket transport", "transport": object()}
        loop.call_exception_handler({**broken, "exception": TimeoutError("110")})
        loop.call_exception_handler({**broken, "exception": h11.LocalProtocolError("Too much data")})
        loop.call_exception_handler({"message": "Unclosed"})
        await server.shutdown([])

    server = server_with(tell=told.append)
    server.config.app, server.config.lifespan = serve, "off"
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    asyncio.run(run())
    assert told[0].startswith("the server failed: Exception in callback int('no number')")
    assert told[0].endswith(": ValueError: invalid literal for int() with base 10: 'no number'")
    assert told[1:] == [
        "the server failed: Task exception was never retrieved: ValueError: of a task",
        "the server failed: Unclosed",
    ]
