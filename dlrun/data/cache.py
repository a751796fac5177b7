"""What was made of files once and need not be made again: tensors and plain values, shared by parallel runs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

import dlrun
from dlrun.data.files import digest_of
from dlrun.durable import replace_file
from dlrun.errors import StorageError

FORMAT = 1


@dataclass(frozen=True)
class Prepared:
    """Tensors by name, and plain JSON values."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)


def folder() -> Path:
    """Where it is kept: `$DLRUN_CACHE`, or `~/.cache/dlrun`."""
    return Path(os.environ.get("DLRUN_CACHE") or Path.home() / ".cache" / "dlrun") / "prepared"


def cached(name: str, files: Mapping[str, str], settings: Mapping[str, Any], make: Callable[[], Prepared]) -> Prepared:
    """What `make` makes, from the cache where it was made of the same files with the same settings before.

    name: of the dataset. files: each file's name to its SHA-256 (`files.digest_of`). settings: all else that decides
    the outcome, as JSON values. Parallel runs wait for the one that makes it. A damaged entry is made anew, and a
    cache that cannot be written to is done without.
    """
    text = json.dumps([FORMAT, dlrun.__version__, name, files, settings], sort_keys=True)
    place = folder() / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = place.with_suffix(".lock").open("w")
    except OSError:  # no home to write to: slower, and no less right
        return make()
    with lock, _held(lock.fileno()):
        found = _load(place)
        if found is None:
            found = make()
            _save(place, found)
    return found


@contextmanager
def _held(handle: int) -> Iterator[None]:
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _save(place: Path, made: Prepared) -> None:
    """Write the tensors, then the manifest, without which they count as absent."""
    content = place.with_suffix(".safetensors")
    beside = content.with_name(f".{content.name}.{os.getpid()}.tmp")
    try:
        safetensors.torch.save_file({key: value.contiguous() for key, value in made.tensors.items()}, beside)
        digest = digest_of(beside)
        os.replace(beside, content)
        manifest = {"format": FORMAT, "sha256": digest, "values": dict(made.values)}
        replace_file(place.with_suffix(".json"), json.dumps(manifest).encode())
    except (OSError, StorageError, safetensors.SafetensorError):  # a full disk must not end the run: this is a copy
        place.with_suffix(".json").unlink(missing_ok=True)
        content.unlink(missing_ok=True)
    finally:
        beside.unlink(missing_ok=True)


def _load(place: Path) -> Prepared | None:
    """An entry that is there and whole; None otherwise."""
    content = place.with_suffix(".safetensors")
    try:
        manifest = json.loads(place.with_suffix(".json").read_bytes())
        if manifest["format"] != FORMAT or digest_of(content) != manifest["sha256"]:
            return None
        return Prepared(safetensors.torch.load_file(content), manifest["values"])
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None
