"""What every request passes first: its host, its token, an answer whatever happens, and a count."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dlrun.runs.serving.metrics import Counters
from dlrun.runs.serving.requests import Fault, Refused
from dlrun.storage.json_values import nan_to_null

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN = ("/", "/docs", "/health")
"""Paths that need no token: they say nothing of the model's data."""

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
CLIENT_LEFT = 499  # counted where an answer could not be handed over; nobody receives it
FAILED = Refused(500, Fault("", "The server failed; its standard error says how."))


class Within:
    """A block of a coroutine that may take so many seconds; raises TimeoutError. `asyncio.timeout` is Python 3.11's."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._is_late = seconds, False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._expire, task)

    def _expire(self, task: asyncio.Task[Any] | None) -> None:
        self._is_late = True
        if task is not None:
            task.cancel()

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        self._handle.cancel()
        if self._is_late and kind is asyncio.CancelledError:
            raise TimeoutError


class Gate:
    """The outermost part: refuses foreign hosts and missing tokens, tells faults as JSON, and counts.

    paths: that are counted by name. hosts: that a request may name, so that no web page reaches a server of this
    machine by a name of its own; None: any. token: that a request must bring.
    """

    def __init__(
        self,
        inner: ASGIApp,
        counters: Counters,
        *,
        paths: frozenset[str],
        hosts: frozenset[str] | None,
        token: str | None,
        tell: Callable[[str], None],
    ) -> None:
        self._inner, self._counters, self._paths, self._hosts, self._tell = inner, counters, paths, hosts, tell
        self._secret = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        start, status = time.perf_counter(), 500
        has_begun = is_broken = False

        async def answer(message: Message) -> None:
            nonlocal status, has_begun, is_broken
            if message["type"] == "http.response.start":
                status, has_begun = message["status"], True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            try:
                await send(message)
            except Exception:
                is_broken = True  # the connection has ended, as servers tell in different ways
                raise

        try:
            self._check(scope)
            await self._inner(scope, receive, answer)
        except Refused as refused:
            if not has_begun:
                await answer_to(refused)(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - no request ends the server, or shows its inside
            if is_broken:
                status = CLIENT_LEFT
            else:
                self._tell(f"{type(error).__name__}: {error}")
            if not has_begun:
                await answer_to(FAILED)(scope, receive, answer)
        path = scope["path"] if scope["path"] in self._paths else "other"
        self._counters.request(path, status, time.perf_counter() - start)

    def _check(self, scope: Scope) -> None:
        headers = {name: value for name, value in scope["headers"] if name in (b"host", b"authorization")}
        if self._hosts is not None:
            name = headers.get(b"host", b"").decode("latin-1")
            host = name.rpartition(":")[0] if name.rpartition(":")[2].isdecimal() else name
            if host.lower() not in self._hosts:
                raise Refused(421, Fault("Host", f"Expected one of {', '.join(sorted(self._hosts))}."))
        if self._secret is not None and scope["path"] not in _OPEN:
            given = headers.get(b"authorization", b"")
            if not hmac.compare_digest(given, self._secret):
                raise Refused(401, Fault("Authorization", 'Expected "Bearer" and the token that the server was given.'))


def answer_to(refused: Refused) -> Response:
    """Return the response that tells why there are no predictions."""
    from starlette.responses import Response

    detail = [{"field": fault.field, "reason": fault.reason} for fault in refused.faults]
    headers = {503: {"Retry-After": "1"}, 401: {"WWW-Authenticate": "Bearer"}}.get(refused.status, {})
    if refused.status in (408, 413):  # the rest of the body is not read
        headers = {**headers, "Connection": "close"}
    content = as_json({"detail": detail})
    return Response(content, status_code=refused.status, media_type="application/json", headers=headers)


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def as_json(value: Any) -> bytes:
    """Return a value as JSON; numbers that JSON does not have become null."""
    try:
        return _ENCODER.encode(value).encode("utf-8", "replace")
    except ValueError:
        return _ENCODER.encode(nan_to_null(value)).encode("utf-8", "replace")
