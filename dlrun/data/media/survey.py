"""Every file looked at once before training: is it whole, what does it hold, has it been seen before?"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.data.files.paths import cache_folder, changed, unreadable
from dlrun.data.files.status_line import long_work
from dlrun.errors import DataError

_FORMAT = 1
_SETTLED_S = 3.0  # a file younger than this may change again within one tick of its clock

Look = Callable[[Path, bytes], dict[str, Any]]
"""Given a file's name and content: what it holds, as plain values. Raises DataError, without the file's name."""


@dataclass(frozen=True)
class Facts:
    """What is known of one file."""

    size: int  # bytes
    mtime_ns: int
    sha256: str
    holds: dict[str, Any]


def survey(paths: Sequence[Path], look: Look, *, kind: str, refuse: Callable[[int, str], None]) -> list[Facts | None]:
    """Facts of each file, in order; None for those that `refuse` was told of and did not raise.

    Files are read and hashed by several threads. What was found is kept by name, size and time of change, so that a
    second run reads only what changed. kind: names what `look` looks for, with everything its verdict depends on.
    """
    root = os.path.commonpath([path.parent.resolve() for path in paths]) if paths else "/"
    key = hashlib.sha256(f"{kind}\0{root}".encode()).hexdigest()[:32]
    kept = cache_folder() / "surveys" / f"{key}.json"
    known = _known(kept)
    found: list[Facts | None] = []
    with long_work("Checking", len(paths)) as done, ThreadPoolExecutor(min(8, 2 * (os.cpu_count() or 1))) as pool:
        for number, facts in enumerate(pool.map(lambda path: _facts(path, look, known), paths)):
            done(1)
            if isinstance(facts, str):
                refuse(number, facts)
                found.append(None)
            else:
                found.append(facts)
    _keep(kept, paths, found, known)
    return found


def _facts(path: Path, look: Look, known: dict[str, Any]) -> Facts | str:
    """Facts of a file, or what is wrong with it."""
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
        holds = look(path, content)
    except DataError as error:
        return str(error)
    return Facts(len(content), status.st_mtime_ns, hashlib.sha256(content).hexdigest(), holds)


def _known(kept: Path) -> dict[str, Any]:
    try:
        content = json.loads(kept.read_bytes())
    except (OSError, ValueError):  # not there, or not as it was written: everything is looked at again
        return {}
    files = content.get("files") if isinstance(content, dict) and content.get("format") == _FORMAT else None
    return files if isinstance(files, dict) else {}


def _keep(kept: Path, paths: Sequence[Path], found: Sequence[Facts | None], known: dict[str, Any]) -> None:
    """Write down what was found; runs side by side each put a whole file in place."""
    settled = time.time_ns() - int(_SETTLED_S * 1e9)
    files = {
        str(path.resolve()): [facts.size, facts.mtime_ns, facts.sha256, facts.holds]
        for path, facts in zip(paths, found, strict=True)
        if facts is not None and facts.mtime_ns < settled
    }
    if files.items() <= known.items():
        return
    beside = kept.with_name(f".{kept.name}.{os.getpid()}.tmp")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"format": _FORMAT, "files": {**known, **files}}, separators=(",", ":")))
        os.replace(beside, kept)
    except OSError:  # a full disk or a folder that may not be written costs the next run time, and this one nothing
        beside.unlink(missing_ok=True)


def read_unchanged(path: Path, size: int, mtime_ns: int) -> bytes:
    """The content of a file that was surveyed.

    Raises DataError when it cannot be read or is no longer what it was.
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
    """SHA-256 over (split, class, content) of each row in order, and the settings that rows are read with."""
    digest = hashlib.sha256(settings.encode())
    for part, label, facts in rows:
        digest.update(f"{part}\0{label}\0{facts.sha256}\n".encode())
    return digest.hexdigest()
