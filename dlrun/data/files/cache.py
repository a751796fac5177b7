"""Preprocessing cache: tensors and plain values computed from files once, shared by parallel runs."""

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

from dlrun.configuration.cache_folder import cache_folder
from dlrun.data.files.paths import digest_of
from dlrun.data.files.status_line import print_status
from dlrun.errors import StorageError
from dlrun.storage.atomic import replace_file
from dlrun.version import __version__

FORMAT = 2
_WORTH_S = 1.0  # a result that takes less time is computed again instead of cached
_MOST_BYTES = 16 << 30  # of all entries
_ABANDONED_S = 24 * 3600.0


@dataclass(frozen=True)
class Prepared:
    """Tensors by name, and plain JSON values."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Return the folder of all entries."""
    return cache_folder() / "prepared"


def cached(name: str, files: Mapping[str, str], settings: Mapping[str, Any], make: Callable[[], Prepared]) -> Prepared:
    """Return the result of `make`, from the cache if it was computed from the same files and settings before.

    name: of the dataset. files: SHA-256 by file (`paths.digest_of`). settings: everything else that the result
    depends on, as JSON values. Parallel runs wait for the one that computes it. A damaged entry is computed again,
    and so is every result when the cache cannot be written. A result that takes less than a second is not cached.
    """
    text = json.dumps([FORMAT, __version__, name, files, settings], sort_keys=True)
    place = folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = place.with_suffix(".lock").open("w")
    except OSError:  # no cache: slower, same result
        return make()
    with lock, _locked(lock.fileno()):
        found = _load(place)
        if found is not None:
            return found
        is_saved = False
        try:
            started = time.monotonic()
            found = make()
            is_saved = time.monotonic() - started >= _WORTH_S and _save(place, found)
        finally:
            if not is_saved:
                place.with_suffix(".lock").unlink(missing_ok=True)
    return found


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print_status("Another run is preparing the same data; waiting for it.")
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _save(place: Path, made: Prepared) -> bool:
    """Write the tensors, then the manifest, without which they count as absent. Return False if there is no room."""
    content = place.with_suffix(".safetensors")
    part = content.with_name(f".{content.name}.{os.getpid()}.tmp")
    try:
        if not _make_room(sum(value.nbytes for value in made.tensors.values())):
            return False
        safetensors.torch.save_file({key: value.contiguous() for key, value in made.tensors.items()}, part)
        digest = digest_of(part)
        os.replace(part, content)
        manifest = {"format": FORMAT, "sha256": digest, "values": dict(made.values)}
        replace_file(place.with_suffix(".json"), json.dumps(manifest).encode())
    except (OSError, StorageError, safetensors.SafetensorError):  # a full disk must not stop the run
        _remove(place)
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _make_room(num_bytes: int) -> bool:
    """Remove the least recently used entries until so many bytes fit. Return False if the disk has no room."""
    for path in folder().glob(".*.tmp"):  # partial files of killed runs
        if path.stat().st_mtime < time.time() - _ABANDONED_S:
            path.unlink(missing_ok=True)
    if num_bytes > min(_MOST_BYTES, shutil.disk_usage(folder()).free // 2):
        return False
    entries = [(path.stat().st_mtime, path) for path in folder().glob("*.json")]
    sizes = {path: path.with_suffix(".safetensors").stat().st_size for _, path in entries}
    total = sum(sizes.values()) + num_bytes
    for _, path in sorted(entries):
        if total <= _MOST_BYTES:
            break
        total -= sizes[path]
        _remove(path)
        path.with_suffix(".lock").unlink(missing_ok=True)
    return True


def _remove(place: Path) -> None:
    place.with_suffix(".json").unlink(missing_ok=True)
    place.with_suffix(".safetensors").unlink(missing_ok=True)


def _load(place: Path) -> Prepared | None:
    """Return a complete entry, or None."""
    content = place.with_suffix(".safetensors")
    try:
        manifest = json.loads(place.with_suffix(".json").read_bytes())
        if manifest["format"] != FORMAT or digest_of(content) != manifest["sha256"]:
            return None
        os.utime(place.with_suffix(".json"))  # used now: not the next to be removed
        mapped = safetensors.torch.load_file(content)  # kernels may round by the address: align as torch does
        return Prepared({name: tensor.clone() for name, tensor in mapped.items()}, manifest["values"])
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None
