"""The framework's HTTP server: silent connections end, failures are told, and a second signal ends everything."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import uvicorn
from h11 import ProtocolError

MOST_CONNECTIONS = 1000
_CROWDED = MOST_CONNECTIONS // 2
_CROWDED_SILENCE_S = 2.0
_TICKS = 10  # of a tenth of a second, between two looks at the connections


class HttpServer(uvicorn.Server):
    """A server whose connections may be silent for `silence_s`, and for two seconds where very many are open.

    A connection is silent while it has no request, or only a part of its headers, or does not read an answer. Bodies
    and predictions have times of their own. A second signal ends the server at once, and what is in flight with it.

    tell: receives what fails in the event loop, outside of any request.
    """

    def __init__(self, config: uvicorn.Config, *, silence_s: float, tell: Callable[[str], None]) -> None:
        super().__init__(config)
        self._silence_s, self._tell = silence_s, tell
        self.last_signal = 0
        self._silent: dict[Any, tuple[Any, float]] = {}  # connection -> its state, and since when it has been that

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell what fails in the event loop, then begin to listen."""
        asyncio.get_running_loop().set_exception_handler(self._tell_failure)
        await super().startup(sockets)

    def _tell_failure(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Tell a failure in one line, but not a connection that broke off or breaks HTTP, which anybody can cause."""
        del loop
        error = context.get("exception")
        if "transport" in context and isinstance(error, OSError | ProtocolError):
            return
        why = "" if error is None else f": {type(error).__name__}: {error}"
        self._tell(f"the server failed: {context['message']}{why}")

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % _TICKS == 0:
            self.end_silent(time.monotonic())
        return await super().on_tick(counter)

    def end_silent(self, now: float) -> None:
        """End the connections that have been silent for too long. now: seconds, of any clock."""
        connections: list[Any] = list(self.server_state.connections)
        most_s = min(self._silence_s, _CROWDED_SILENCE_S) if len(connections) > _CROWDED else self._silence_s
        silent: dict[Any, tuple[Any, float]] = {}
        for connection in connections:
            cycle = connection.cycle  # of its last request
            if cycle is not None and not cycle.response_complete:
                continue
            state = (cycle, connection.transport.get_write_buffer_size())
            before, since = self._silent.get(connection, (None, now))
            since = since if before == state else now
            if now - since > most_s:
                connection.transport.abort()
            else:
                silent[connection] = (state, since)
        self._silent = silent

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish what is in flight at the first signal, and nothing at the second."""
        self.last_signal = sig
        if self.should_exit:
            self.force_exit = True
            connections: list[Any] = list(self.server_state.connections)
            for connection in connections:
                connection.transport.abort()
        super().handle_exit(sig, frame)
