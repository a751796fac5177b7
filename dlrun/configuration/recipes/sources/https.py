"""Fetch a recipe from an https address that the user's own command line names: bounded in bytes, time and redirects."""

from __future__ import annotations

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit

from dlrun.configuration.recipes.sources.source import shorten
from dlrun.configuration.safe_yaml import Bounds
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

MOST_REDIRECTS = 3
MOST_S = 30.0  # for everything together: name, connection, redirects and bytes
_STEP_S = 10.0  # without a byte for this long, it has failed
_GONE = (404, 410)
_REDIRECTS = (301, 302, 303, 307, 308)


class _FetchError(Exception):
    """Why the network did not give the file."""


def check_address(address: str, where: str) -> None:
    """Raise ConfigError, at `where`, unless dlrun may fetch the address."""
    problem = _unsuitable(address)
    if problem is not None:
        raise ConfigError(Problem(where, problem))


def _unsuitable(address: str) -> str | None:
    """Return why an address is not fetched; None if it may be."""
    try:
        parts = urlsplit(address)
        host, scheme, _ = parts.hostname, parts.scheme.lower(), parts.port
    except ValueError:  # brackets without an IPv6 address, a port that is no number
        return "This is not a valid address."
    if scheme == "http":
        return "http:// is not encrypted, so that anyone on the way can change the recipe. Use https://."
    if scheme == "file":
        return "A recipe on this machine is named by its path, without file://."
    if scheme != "https":
        return (
            f"Expected https:// or git+https://, git+ssh://, git+file://, got {printable(scheme)}://. "
            "For another source, fetch the file yourself and name its path."
        )
    if not host:
        return "The address has no host: https://HOST/PATH.yaml."
    if parts.username is not None or parts.password is not None:
        return "An address must not contain a user or password: they would end up in logs and in the cache."
    if not address.isascii() or any(char.isspace() or not char.isprintable() for char in address):
        return "Expected an address in plain ASCII; write other characters percent-encoded."
    return None


def fetch(address: str, where: str) -> bytes:
    """Return the bytes at an address.

    Redirects are followed a few times, to https only, and to a private or local host only if it is the one that the
    user named.

    Raises ConfigError if the address or a redirect is refused, there is no such file or it is larger than a recipe
    may be; DataError if the network does not give it.
    """
    check_address(address, where)
    answers: queue.Queue[bytes | Exception] = queue.Queue()

    def work() -> None:
        try:
            answers.put(_follow(address, where))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            answers.put(error)

    threading.Thread(target=work, daemon=True, name="fetch a recipe").start()
    try:  # a server that sends a byte now and then passes every timeout of a socket
        answer = answers.get(timeout=MOST_S)
    except queue.Empty:
        answer = _FetchError(f"it took longer than {MOST_S:.0f} s")
    if isinstance(answer, _FetchError):
        what = f"{shorten(address)}: could not be fetched: {answer}."
        raise DataError(f"{what} Check the address and the network, or fetch the file yourself and name its path.")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _follow(address: str, where: str) -> bytes:
    named = urlsplit(address).hostname
    for _ in range(MOST_REDIRECTS + 1):
        is_named = urlsplit(address).hostname == named
        if not is_named:
            _refuse_private(address, where)
        found = _get(address, where, is_named=is_named)
        if isinstance(found, bytes):
            return found
        problem = _unsuitable(found)
        if problem is not None:
            raise ConfigError(Problem(where, f"The server redirects to {shorten(found)}. {problem}"))
        address = found
    raise ConfigError(Problem(where, f"The server redirects more than {MOST_REDIRECTS} times; name the last address."))


def _get(address: str, where: str, *, is_named: bool) -> bytes | str:
    """Return the bytes at an address, or where it redirects to."""
    opener = urllib.request.OpenerDirector()  # without redirects, whose bodies urllib would read without a bound
    for handler in (urllib.request.ProxyHandler(), _Https(is_named=is_named), urllib.request.HTTPErrorProcessor()):
        opener.add_handler(handler)
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    request = urllib.request.Request(address, headers={"User-Agent": "dlrun", "Accept-Encoding": "identity"})  # noqa: S310
    most = Bounds().max_bytes
    try:
        with opener.open(request, timeout=_STEP_S) as response:
            content: bytes = response.read(most + 1)
            length = response.headers.get("Content-Length") or ""
    except urllib.error.HTTPError as error:
        error.close()
        return _redirect(error, address, where)
    except _PrivateError as error:
        raise ConfigError(Problem(where, str(error))) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, _PrivateError):
            raise ConfigError(Problem(where, str(reason))) from error
        raise _FetchError(printable(str(reason), limit=300) or type(reason).__name__) from error
    if length.isdecimal() and len(content) < min(int(length[:12]), most):  # http.client says nothing of a short answer
        raise _FetchError(f"the connection was lost after {len(content)} of {length[:12]} bytes")
    if len(content) > most:
        raise ConfigError(Problem(where, f"The file is larger than {most:,} bytes, the limit for a recipe."))
    return content


def _redirect(error: urllib.error.HTTPError, address: str, where: str) -> str:
    """Return where an answer without a file redirects to; raise what it means otherwise."""
    location = error.headers.get("Location")
    if error.code in _REDIRECTS and location:
        return urljoin(address, location)
    if error.code in _GONE:
        raise ConfigError(Problem(where, f"The server has no such file ({error.code} {printable(str(error.reason))})."))
    raise _FetchError(f"the server answered {error.code} {printable(str(error.reason))}")


class _PrivateError(OSError):
    """A redirect leads to an address that is not public."""


class _Https(urllib.request.HTTPSHandler):
    """Opens connections whose other end is checked once it is known, before a request is sent."""

    def __init__(self, *, is_named: bool) -> None:
        super().__init__()
        self._is_named = is_named

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a request; a proxy of the user's own may have a private address."""
        proxied = req.host != urlsplit(req.full_url).netloc
        kind = http.client.HTTPSConnection if self._is_named or proxied else _PublicConnection
        return self.do_open(kind, req, context=ssl.create_default_context())


class _PublicConnection(http.client.HTTPSConnection):
    """A connection to a host that somebody else named: a name may have another address than when it was looked up."""

    def connect(self) -> None:
        """Connect, and leave again if the other end is not public."""
        super().connect()
        other = str(self.sock.getpeername()[0])
        if not _is_public(other):
            self.close()
            raise _private(self.host, other)


def _refuse_private(address: str, where: str) -> None:
    """Raise ConfigError if the host of a redirect has an address that is not public."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        found = socket.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if "https" in urllib.request.getproxies():  # the proxy looks the name up
            return
        raise _FetchError(f"the host {printable(host)} of a redirect is unknown ({printable(str(error))})") from error
    for *_, place in found:
        if not _is_public(str(place[0])):
            raise ConfigError(Problem(where, str(_private(host, str(place[0])))))


def _private(host: str, address: str) -> _PrivateError:
    return _PrivateError(
        f"The server redirects to {printable(host)} ({address}), an address within this machine or network. "
        "If you trust it, name that address yourself."
    )


def _is_public(text: str) -> bool:
    """Return whether an IP address, or the IPv4 address within it, is one of the public internet."""
    address: Any = ipaddress.ip_address(text.partition("%")[0])
    for inner in ("ipv4_mapped", "sixtofour"):
        address = getattr(address, inner, None) or address
    return bool(address.is_global and not address.is_multicast)
