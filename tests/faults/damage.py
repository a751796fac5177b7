"""Damage to checkpoints: flipped bits, truncated, zeroed and swapped files. All of it must be detected."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.storage.checkpoints import CheckpointStore, Snapshot, load_snapshot

BLOCK = 4096


def is_found(folder: Path, step: int) -> bool:
    """Return whether loading reports an error."""
    try:
        load_snapshot(folder, step=step)
    except StorageError:
        return True
    return False


def flip_bits(folder: Path, step: int, count: int, rng: random.Random) -> tuple[int, list[str]]:
    """Flip one random bit at a time in a random file; return how many were detected, and those that were not.

    The file is restored after each.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file())
    found, missed = 0, []
    for _ in range(count):
        path = rng.choice(files)
        content = path.read_bytes()
        place, bit = rng.randrange(len(content)), rng.randrange(8)
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
        if is_found(folder, step):
            found += 1
        else:
            missed.append(f"{path.name}: bit {bit} of byte {place}")
        path.write_bytes(content)
    return found, missed


def damaged(folder: Path, others: list[Path]) -> Iterator[tuple[str, Path]]:
    """Damage new copies of a checkpoint in every other way; yield the kind of damage and the copy."""
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        cuts = sorted({*range(0, len(content), BLOCK), len(content) - 1})
        versions = [("cut short", content[:cut]) for cut in cuts]
        versions += [("zeroed", bytes(len(content))), ("lengthened", content + b"\0")]
        blocks = range(0, len(content), BLOCK)
        versions += [
            ("a block zeroed", content[:at] + bytes(len(content[at : at + BLOCK])) + content[at + BLOCK :])
            for at in blocks
            if any(content[at : at + BLOCK])
        ]
        versions += [
            ("swapped", (other / path.name).read_bytes())
            for other in others
            if (other / path.name).read_bytes() != content
        ]
        for kind, version in versions:
            copy = _copy(folder)
            (copy / path.name).write_bytes(version)
            yield kind, copy
        copy = _copy(folder)
        (copy / path.name).unlink()
        yield "a file removed", copy
    for other in others:
        copy = _copy(folder)
        for path in other.iterdir():
            shutil.copy(path, copy / path.name)
        yield "all files swapped", copy


def _copy(folder: Path) -> Path:
    copy = folder.with_name(f"copy-of-{folder.name}")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    return copy


def other_damage(folder: Path, step: int, others: list[Path]) -> tuple[Counter[str], list[str]]:
    """Return how many of each kind of damage were detected, and the kinds of those that were not."""
    found: Counter[str] = Counter()
    missed = []
    for kind, copy in damaged(folder, others):
        if is_found(copy, step):
            found[kind] += 1
        else:
            missed.append(kind)
    return found, missed


def newest_of(folder: Path) -> tuple[Snapshot | None, list[str]]:
    """Return the checkpoint that a run would resume from, and the errors of newer ones."""
    return CheckpointStore(folder).load_newest()
