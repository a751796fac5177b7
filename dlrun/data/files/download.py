"""Download a published file: resume partial files, verify the SHA-256, and put only complete files in place."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dlrun.errors import ConfigError, DataError, Problem, StorageError
from dlrun.wording import printable, show, unfiltered

_TIMEOUT_S = 30.0  # without a byte for this long, the next mirror is tried
_PIECE_BYTES = 1 << 18
_SCHEMES = ("http", "https")


class _MirrorError(Exception):
    """Why one mirror did not serve the file."""


def fetch(name: str, *, sha256: str, folder: Path, mirrors: Sequence[str], max_bytes: int) -> Path:
    """Download `name` from the first of `mirrors` that serves it completely, and return its path, `folder / name`.

    A partial download stays in `NAME.part` and is resumed. Of two processes that want the same file one downloads it
    and the other waits. sha256: of the complete file, in hexadecimal. max_bytes: a longer response is refused.

    Raises ConfigError for an address that is not http or https, DataError if no mirror served the file and
    StorageError if it cannot be written.
    """
    addresses = _addresses(mirrors, name)
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            lock = folder / f"{name}.lock"
            with _locked(lock, name):
                if not target.exists():  # another process may have downloaded it meanwhile
                    _fetch_from_any(addresses, target, sha256=sha256, max_bytes=max_bytes)
                lock.unlink(missing_ok=True)  # waiting processes find the file
    except OSError as error:
        what = f"{error.filename or target}: cannot be written ({error.strerror or error})"
        raise StorageError(f"{what}. Free some space, or set dataset.root=FOLDER to a writable folder.") from error
    return target


def missing_files(what: str, *, folder: Path) -> DataError:
    """Return the error for files that are missing while dataset.download is false."""
    return DataError(
        f"{folder}: there is no {what}, and dataset.download=false. Put the missing files there, set "
        "dataset.root=FOLDER to the folder that contains them, or set dataset.download=true."
    )


def _addresses(mirrors: Sequence[str], name: str) -> list[str]:
    problems = []
    for number, mirror in enumerate(mirrors):
        try:
            parts = urlsplit(mirror)
            fits = parts.scheme in _SCHEMES and bool(parts.hostname)
        except ValueError:  # brackets without an IPv6 address
            fits = False
        if not fits:
            message = f"Expected an address that starts with http:// or https://, got {show(mirror)}."
            problems.append(Problem(f"dataset.mirrors[{number}]", message, id="wrong-value"))
    if not mirrors:
        message = f"Expected at least one address to download {name} from, got none."
        problems.append(Problem("dataset.mirrors=[]", message, id="wrong-value"))
    if problems:
        raise ConfigError(problems)
    return [f"{mirror.rstrip('/')}/{name}" for mirror in mirrors]


def _fetch_from_any(addresses: Sequence[str], target: Path, *, sha256: str, max_bytes: int) -> None:
    part = target.with_name(f"{target.name}.part")
    reasons = []
    if not (part.exists() and _sha256(part) == sha256):  # else killed between the last byte and the renaming
        for address in addresses:
            try:
                _try_mirror(address, part, sha256=sha256, max_bytes=max_bytes)
                break
            except _MirrorError as error:
                reasons.append(f"  {printable(address)}: {error}")
        else:
            raise DataError("\n".join([f"{target}: could not be downloaded.", *reasons, _what_to_do(target, part)]))
    os.replace(part, target)
    _sync_folder(target.parent)


def _what_to_do(target: Path, part: Path) -> str:
    received = part.stat().st_size if part.exists() else 0
    resume = f"The {received} bytes received are kept; the same command resumes from there. " if received else ""
    return f"{resume}Put the file into {target.parent}, or set dataset.root=FOLDER to the folder with the file."


def _try_mirror(address: str, part: Path, *, sha256: str, max_bytes: int) -> None:
    """Complete `part` from one mirror and verify it; a complete part with a wrong hash is removed."""
    resumed = part.exists()
    _receive(address, part, max_bytes=max_bytes)
    got = _sha256(part)
    if got == sha256:
        return
    part.unlink()
    if not resumed:
        raise _MirrorError(f"wrong content: expected SHA-256 {sha256}, got {got}")
    _try_mirror(address, part, sha256=sha256, max_bytes=max_bytes)  # the wrong bytes may be from an earlier download


def _receive(address: str, part: Path, *, max_bytes: int) -> None:
    """Append the missing bytes to `part`, or write it from the start if the server cannot resume."""
    have = part.stat().st_size if part.exists() else 0
    with _open(address, start=have) as response:
        if not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            have = 0
        length = response.headers.get("Content-Length") or ""
        total = have + int(length) if length.isdecimal() else None
        with part.open("ab" if have else "wb") as file, _progress(part.stem, address, total, have=have) as advance:
            while piece := _read(response):
                have += len(piece)
                if have > max_bytes:
                    part.unlink()
                    raise _MirrorError(f"too long: expected at most {max_bytes} bytes, got more")
                file.write(piece)
                advance(len(piece))
            file.flush()
            os.fsync(file.fileno())
            if total is not None and have < total:
                raise _MirrorError(f"connection lost: expected {total} bytes, got {have}")


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in _SCHEMES:
            raise urllib.error.HTTPError(newurl, code, f"redirect to {printable(newurl)}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(address: str, *, start: int) -> Any:
    """Return the response to a request for the bytes from `start` on.

    Raises _MirrorError with the reason if there is none.
    """
    opener = urllib.request.OpenerDirector()  # `build_opener` would add file:// and ftp://
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _HttpOnly(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": "dlrun", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the scheme was checked
        return opener.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return _open(address, start=0)
        raise _MirrorError(f"HTTP {error.code} {printable(str(error.reason))}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise _MirrorError(printable(str(reason)) or type(reason).__name__) from error


def _read(response: Any) -> bytes:
    try:
        piece: bytes = response.read(_PIECE_BYTES)
    except http.client.IncompleteRead as error:
        piece = error.partial  # the length is checked at the end
    except (OSError, http.client.HTTPException) as error:
        raise _MirrorError(f"connection lost: {printable(str(error)) or type(error).__name__}") from error
    return piece


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Lock `path` against other processes; the lock is released when the process ends, however it ends."""
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"Waiting for another process that is downloading {name}.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress(name: str, address: str, total: int | None, *, have: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on a terminal, a line before and after elsewhere; yield a function to call with received bytes."""
    if not sys.stderr.isatty():
        size = "" if total is None else f", {total / 1e6:.1f} MB"
        _say(f"Downloading {name} from {urlsplit(address).netloc}{size}.")
        started = time.monotonic()
        yield lambda _: None
        _say(f"Downloaded {name} in {time.monotonic() - started:.1f} s.")
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=unfiltered(sys.stderr))) as bar:
        task = bar.add_task(name, total=total, completed=have)
        yield lambda count: bar.advance(task, count)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
