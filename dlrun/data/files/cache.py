"""What was made of files once and need not be made again: tensors and plain values, shared by parallel runs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from dlrun.data.files.paths import cache_folder, digest_of
from dlrun.data.files.status_line import tell
from dlrun.errors import StorageError
from dlrun.storage.atomic import replace_file
from dlrun.version import __version__

FORMAT = 1
_WORTH_S = 1.0  # what is made faster than this is made again rather than kept
_MOST_BYTES = 16 << 30  # kept in all
_ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True)
class Prepared:
    """Tensors by name, and plain JSON values."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Where it is kept."""
    return cache_folder() / "prepared"


def cached(name: str, files: Mapping[str, str], settings: Mapping[str, Any], make: Callable[[], Prepared]) -> Prepared:
    """What `make` makes, from the cache where it was made of the same files with the same settings before.

    name: of the dataset. files: each file's name to its SHA-256 (`files.digest_of`). settings: all else that decides
    the outcome, as JSON values. Parallel runs wait for the one that makes it. A damaged entry is made anew, and a
    cache that cannot be written to is done without. What takes less than a second is not kept.
    """
    text = json.dumps([FORMAT, __version__, name, files, settings], sort_keys=True)
    place = folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = place.with_suffix(".lock").open("w")
    except OSError:  # no home to write to: slower, and no less right
        return make()
    with lock, _held(lock.fileno()):
        found = _load(place)
        if found is not None:
            return found
        is_kept = False
        try:
            started = time.monotonic()
            found = make()
            is_kept = time.monotonic() - started >= _WORTH_S and _save(place, found)
        finally:
            if not is_kept:
                place.with_suffix(".lock").unlink(missing_ok=True)
    return found


@contextmanager
def _held(handle: int) -> Iterator[None]:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell("Another run prepares the same data; waiting for it.")
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _save(place: Path, made: Prepared) -> bool:
    """Write the tensors, then the manifest, without which they count as absent; False where there is no room."""
    content = place.with_suffix(".safetensors")
    beside = content.with_name(f".{content.name}.{os.getpid()}.tmp")
    try:
        if not _make_room(sum(value.nbytes for value in made.tensors.values())):
            return False
        safetensors.torch.save_file({key: value.contiguous() for key, value in made.tensors.items()}, beside)
        digest = digest_of(beside)
        os.replace(beside, content)
        manifest = {"format": FORMAT, "sha256": digest, "values": dict(made.values)}
        replace_file(place.with_suffix(".json"), json.dumps(manifest).encode())
    except (OSError, StorageError, safetensors.SafetensorError):  # a full disk must not end the run: this is a copy
        _remove(place)
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def _make_room(num_bytes: int) -> bool:
    """Remove what was not used for longest until so much more may be kept; False where the disk has no such room."""
    for path in folder().glob(".*.tmp"):  # what runs that were killed left half-written
        if path.stat().st_mtime < time.time() - _ABANDONED_S:
            path.unlink(missing_ok=True)
    if num_bytes > min(_MOST_BYTES, shutil.disk_usage(folder()).free // 2):
        return False
    entries = [(path.stat().st_mtime, path) for path in folder().glob("*.json")]
    sizes = {path: path.with_suffix(".safetensors").stat().st_size for _, path in entries}
    kept = sum(sizes.values()) + num_bytes
    for _, path in sorted(entries):
        if kept <= _MOST_BYTES:
            break
        kept -= sizes[path]
        _remove(path)
        path.with_suffix(".lock").unlink(missing_ok=True)
    return True


def _remove(place: Path) -> None:
    place.with_suffix(".json").unlink(missing_ok=True)
    place.with_suffix(".safetensors").unlink(missing_ok=True)


def _load(place: Path) -> Prepared | None:
    """An entry that is there and whole; None otherwise."""
    content = place.with_suffix(".safetensors")
    try:
        manifest = json.loads(place.with_suffix(".json").read_bytes())
        if manifest["format"] != FORMAT or digest_of(content) != manifest["sha256"]:
            return None
        os.utime(place.with_suffix(".json"))  # used now: it is not the next to go
        mapped = safetensors.torch.load_file(content)  # kernels may round by the address: copies lie as those made do
        return Prepared({name: tensor.clone() for name, tensor in mapped.items()}, manifest["values"])
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None
