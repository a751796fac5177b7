"""A look at every file before training: is it complete, what are its properties, was it seen before?"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.cache_folder import cache_folder
from dlrun.data.files.paths import changed, unreadable
from dlrun.data.files.status_line import long_work
from dlrun.errors import DataError

_FORMAT = 1
_SETTLED_S = 3.0  # a younger file may change again within one tick of its clock

Probe = Callable[[bytes], dict[str, Any]]
"""Returns a file's properties, as plain values, from its content. Raises DataError, without the file's name."""


@dataclass(frozen=True)
class Facts:
    """What a survey found out about one file."""

    size: int  # bytes
    mtime_ns: int
    sha256: str
    properties: dict[str, Any]


def survey(paths: Sequence[Path], probe: Probe, *, kind: str, refuse: Callable[[int, str], None]) -> list[Facts | None]:
    """Return facts about each file, in order; None for a bad one, whose number and reason `refuse` received.

    Several threads read and hash the files. The facts are cached by name, size and time of change, so that a second
    run reads only changed files. kind: names the probe, with everything its result depends on.
    """
    root = os.path.commonpath([path.parent.resolve() for path in paths]) if paths else "/"
    key = hashlib.sha256(f"{kind}\0{root}".encode()).hexdigest()[:32]
    cache_file = cache_folder() / "surveys" / f"{key}.json"
    known = _known(cache_file)
    found: list[Facts | None] = []
    with long_work("Checking", len(paths)) as done, ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        for number, facts in enumerate(pool.map(lambda path: _facts(path, probe, known), paths)):
            done(1)
            if isinstance(facts, str):
                refuse(number, facts)
                found.append(None)
            else:
                found.append(facts)
    _remember(cache_file, paths, found, known)
    return found


def _facts(path: Path, probe: Probe, known: dict[str, Any]) -> Facts | str:
    """Return facts about a file, or what is wrong with it."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return "is not a regular file."
        before = known.get(str(path.resolve()))
        if before is not None and before[:2] == [status.st_size, status.st_mtime_ns]:
            return Facts(*before)
        content = path.read_bytes()
    except OSError as error:
        return f"cannot be read ({error.strerror or error})."
    if not content:
        return "is empty, 0 bytes."
    try:
        properties = probe(content)
    except DataError as error:
        return str(error)
    return Facts(len(content), status.st_mtime_ns, hashlib.sha256(content).hexdigest(), properties)


def _known(cache_file: Path) -> dict[str, Any]:
    try:
        content = json.loads(cache_file.read_bytes())
    except (OSError, ValueError):  # absent or damaged: every file is probed again
        return {}
    files = content.get("files") if isinstance(content, dict) and content.get("format") == _FORMAT else None
    return files if isinstance(files, dict) else {}


def _remember(cache_file: Path, paths: Sequence[Path], found: Sequence[Facts | None], known: dict[str, Any]) -> None:
    """Write the facts; each of several runs at once puts a complete file in place."""
    settled = time.time_ns() - int(_SETTLED_S * 1e9)
    files = {
        str(path.resolve()): [facts.size, facts.mtime_ns, facts.sha256, facts.properties]
        for path, facts in zip(paths, found, strict=True)
        if facts is not None and facts.mtime_ns < settled
    }
    if files.items() <= known.items():
        return
    part = cache_file.with_name(f".{cache_file.name}.{os.getpid()}.tmp")
    try:
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"format": _FORMAT, "files": {**known, **files}}, separators=(",", ":")))
        os.replace(part, cache_file)
    except OSError:  # a full disk or a read-only folder costs the next run time, and this run nothing
        with suppress(OSError):  # where there is no folder, there is no file
            part.unlink(missing_ok=True)


def read_unchanged(path: Path, size: int, mtime_ns: int) -> bytes:
    """Return the content of a surveyed file.

    Raises DataError if it cannot be read or has changed.
    """
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            content = stream.read()
    except OSError as error:
        raise unreadable(path, error) from error
    if (status.st_size, status.st_mtime_ns) != (size, mtime_ns) or len(content) != size:
        raise changed(path)
    return content


def fingerprint(settings: str, rows: Sequence[tuple[str, str, Facts]]) -> str:
    """Return the SHA-256 of (split, label, content) of each row in order, and of how the rows are read."""
    digest = hashlib.sha256(settings.encode())
    for split, label, facts in rows:
        digest.update(f"{split}\0{label}\0{facts.sha256}\n".encode())
    return digest.hexdigest()
