"""The cache of fetched recipes: each file under the SHA-256 of its bytes, which are verified whenever it is read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dlrun.configuration.cache_folder import cache_folder
from dlrun.configuration.safe_yaml import Bounds
from dlrun.errors import StorageError


@dataclass(frozen=True)
class Entry:
    """A recipe in the cache. What it says of itself is only shown: a recipe is found by its hash."""

    sha256: str
    name: str
    address: str  # where it was fetched from
    fetched: str  # the day, as 2026-11-27


def folder() -> Path:
    """Return the folder of all entries."""
    return cache_folder() / "recipes"


def path_of(sha256: str) -> Path:
    """Return the file that has, or would have, the bytes with this hash."""
    return folder() / f"{sha256}.yaml"


def find(sha256: str) -> bytes | None:
    """Return the bytes with this hash; None if the cache does not have them, or its file was damaged."""
    try:
        with path_of(sha256).open("rb") as stream:
            content = stream.read(Bounds().max_bytes + 1)
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None


def save(content: bytes, *, name: str, address: str) -> Path:
    """Put fetched bytes into the cache; returns their file.

    Raises StorageError if the cache cannot be written.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = path_of(sha256)
    record = {"name": name, "from": address, "fetched": date.today().isoformat()}
    try:
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        if find(sha256) is None:
            _replace(path, content)
        _replace(path.with_suffix(".json"), json.dumps(record).encode())
    except OSError as error:
        raise not_writable(folder(), error) from error
    return path


def not_writable(place: Path, error: OSError) -> StorageError:
    """Return the error for a cache that cannot be written."""
    what = f"{place}: could not be written ({error.strerror or error})"
    return StorageError(f"{what}. Free some space, or choose another cache folder with DLRUN_CACHE=FOLDER.")


def _replace(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; of two processes that write the same one, either wins."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def entries() -> list[Entry]:
    """Return what the cache has, by name and address."""
    found = []
    for path in sorted(folder().glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):  # another's file: a list shows what it can read
            record = json.loads(path.read_bytes())
            if path.with_suffix(".yaml").is_file():
                found.append(Entry(path.stem, str(record["name"]), str(record["from"]), str(record["fetched"])))
    return sorted(found, key=lambda entry: (entry.name, entry.address, entry.sha256))
