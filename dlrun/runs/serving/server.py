"""The server itself: a socket, the framework's server on it, and a stop that finishes what is in flight."""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.runs.serving.limits import Limits
from dlrun.wording import printable

_BACKLOG = 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
TOKEN_VARIABLE = "DLRUN_TOKEN"  # noqa: S105 - a name
_SHORTEST_TOKEN = 8


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server on this address."""
    return host in _LOOPBACK


def local_hosts(host: str) -> frozenset[str] | None:
    """Return the names by which a request may call a server on this address; None: any."""
    return frozenset({"127.0.0.1", "localhost", "[::1]"}) if is_local(host) else None


def token_of(given: str | None, host: str) -> str | None:
    """Return the token that requests must bring: the one given, or that of the environment.

    Raises ConfigError if a server that others can reach has none, or it is short or no plain text.
    """
    token = given if given is not None else os.environ.get(TOKEN_VARIABLE)
    where = "--token" if given is not None else TOKEN_VARIABLE
    if token is None:
        if is_local(host):
            return None
        what = f"Others can reach this address. Give a token that requests must bring: {TOKEN_VARIABLE}=... or --token."
        raise ConfigError(Problem(f"--host {printable(host)}", what))
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        what = f"Expected a token of at least {_SHORTEST_TOKEN} letters, digits and signs, without spaces."
        raise ConfigError(Problem(where, what))
    return token


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 is any free one. Raises ConfigError if the address cannot be used."""
    with contextlib.ExitStack() as stack:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listening = stack.enter_context(socket.socket(family, kind, protocol))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError as error:
            what = f"The server cannot listen there: {error.strerror or error}. Choose another --port, or --port 0."
            raise ConfigError(Problem(f"--host {printable(host)} --port {port}", what)) from error
        stack.pop_all()  # it stays open
    return listening


def address_of(listening: socket.socket) -> str:
    """Return what to type into a browser."""
    host, port = listening.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{shown}:{port}/"


def require_packages() -> None:
    """Raise ConfigError if the extra `serve` is not installed."""
    for package in ("starlette", "uvicorn", "python_multipart"):
        import_optional(package, extra="serve", needed_by="dlrun serve")


def listen(app: Any, listening: socket.socket, limits: Limits, *, tell: Callable[[str], None]) -> None:
    """Answer requests until a signal comes; then take no new ones, finish those in flight, and pass the signal on.

    A second signal ends what is in flight. tell: receives what fails outside of requests.
    """
    uvicorn = import_optional("uvicorn", extra="serve", needed_by="dlrun serve")
    from dlrun.runs.serving.http_server import MOST_CONNECTIONS, HttpServer

    for name in ("uvicorn.error", "python_multipart", "asyncio"):  # hostile requests would fill the terminal
        logging.getLogger(name).setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="on",
        ws="none",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=int(limits.timeout_s) + 5,
    )
    server = HttpServer(config, silence_s=limits.timeout_s, tell=tell)
    gc.freeze()  # or each full collection walks through torch again, a tenth of a second in which nobody is answered
    try:
        server.run(sockets=[listening])
    finally:
        gc.unfreeze()
        if server.force_exit:
            atexit.register(_leave, 128 + server.last_signal)


def _leave(code: int) -> None:
    """End the process while the model's thread still computes, which would crash in the interpreter's own end."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
