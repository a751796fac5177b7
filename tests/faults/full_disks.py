"""Make each system call of a save fail in turn, and save to a disk that is full."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from dlrun.errors import StorageError
from dlrun.storage import disk as system
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from tests.faults.faulty_disk import CountingDisk, ShortDisk, failing

DISKS: dict[str, Callable[[int], CountingDisk]] = {
    "I/O error, once": lambda at: failing(at, errno.EIO, permanent=False),
    "I/O error, from then on": lambda at: failing(at, errno.EIO, permanent=True),
    "disk full, once": lambda at: failing(at, errno.ENOSPC, permanent=False),
    "disk full, from then on": lambda at: failing(at, errno.ENOSPC, permanent=True),
    "short write, then full": ShortDisk,
}


def snapshot(step: int, *, best: int) -> Snapshot:
    """Return a small snapshot whose tensor contains its step."""
    weight = torch.full((40, 30), float(step))
    return Snapshot(step, {"model": {"weight": weight}}, {"step": step, "progress": {"best": {"step": best}}})


def prepared(folder: Path) -> CheckpointStore:
    """Return a store with three checkpoints; the next save of a new step removes one."""
    shutil.rmtree(folder, ignore_errors=True)
    store = CheckpointStore(folder, keep=2)
    for step in (1, 2, 3):
        store.save(snapshot(step, best=1), is_best=step == 1)
    return store


def saves(folder: Path, *, replaced: bool) -> tuple[Counter[str], list[str]]:
    """Make each call of a save fail in turn; return how many failures of each kind were survived, and the others.

    replaced: whether the saved step already has a checkpoint.
    """
    step = 3 if replaced else 4
    counting = CountingDisk()
    store = prepared(folder)
    _save(store, counting, step)
    survived: Counter[str] = Counter()
    wrong = []
    for kind, disk in DISKS.items():
        for at in range(len(counting.calls)):
            store = prepared(folder)
            error = _save(store, disk(at), step)
            problem = _problem(store, error, step)
            if problem is None:
                survived[kind] += 1
            else:
                wrong.append(f"{kind} at call {at} ({counting.calls[at]}): {problem}")
    return survived, wrong


def _save(store: CheckpointStore, disk: CountingDisk, step: int) -> BaseException | None:
    before, system.disk = system.disk, disk
    try:
        store.save(snapshot(step, best=step), is_best=True)
    except StorageError as error:
        return error
    finally:
        system.disk = before
    return None


def _problem(store: CheckpointStore, error: BaseException | None, step: int) -> str | None:
    """Return what is wrong after a failed save, or None if a whole checkpoint loads and the next run can save."""
    store.recover()
    newest, errors = store.load_newest()
    if errors:
        return f"{errors}"
    if newest is None or newest.step not in (3, step):
        return "the earlier checkpoints are lost"
    if float(newest.tensors["model"]["weight"][0, 0]) != newest.step:
        return "the tensors belong to another step"
    if error is None and newest.step != step:
        return "the save failed without an error"
    if store.load_best().step not in (1, step):
        return "another checkpoint is the best"
    store.repoint(newest)
    store.save(snapshot(9, best=9), is_best=True)
    debris = sorted(path.name for path in store.folder.glob(".*"))
    return f"left behind: {debris}" if debris else None


def full_by_limit(folder: Path, limit_bytes: int) -> int:
    """Save in a child whose files may not exceed `limit_bytes`; return its exit code, 5 for the right error."""
    import resource

    store = prepared(folder)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        try:
            store.save(snapshot(4, best=4), is_best=True)
        except StorageError as error:
            os._exit(5 if "File too large" in str(error) else 98)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
