"""Saves whose every call to the system fails in turn, and disks that are really full."""

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
    "I/O error, once": lambda at: failing(at, errno.EIO, for_ever=False),
    "I/O error, from then on": lambda at: failing(at, errno.EIO, for_ever=True),
    "disk full, once": lambda at: failing(at, errno.ENOSPC, for_ever=False),
    "disk full, from then on": lambda at: failing(at, errno.ENOSPC, for_ever=True),
    "short write, then full": ShortDisk,
}


def snapshot(step: int, *, best: int) -> Snapshot:
    """A small state that tells its step."""
    weight = torch.full((40, 30), float(step))
    return Snapshot(step, {"model": {"weight": weight}}, {"step": step, "progress": {"best": {"step": best}}})


def prepared(folder: Path) -> CheckpointStore:
    """A store with three checkpoints, of which the next save replaces none and prunes one."""
    shutil.rmtree(folder, ignore_errors=True)
    store = CheckpointStore(folder, keep=2)
    for step in (1, 2, 3):
        store.save(snapshot(step, best=1), is_best=step == 1)
    return store


def saves(folder: Path, *, replaced: bool) -> tuple[Counter[str], list[str]]:
    """Make each call of a save fail in turn; how many failures of each kind were survived, and those that were not.

    `replaced`: the save is of a step that has a checkpoint already.
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
    """What is wrong after a save that failed, or None: whole checkpoints load, and the next run saves as ever."""
    store.recover()
    newest, complaints = store.load_newest()
    if complaints:
        return f"{complaints}"
    if newest is None or newest.step not in (3, step):
        return "no earlier checkpoint is left"
    if float(newest.tensors["model"]["weight"][0, 0]) != newest.step:
        return "the tensors are another step's"
    if error is None and newest.step != step:
        return "the save said nothing and was not made"
    if store.load_best().step not in (1, step):
        return "the best checkpoint is another"
    store.repoint(newest)
    store.save(snapshot(9, best=9), is_best=True)
    debris = sorted(path.name for path in store.folder.glob(".*"))
    return f"left behind: {debris}" if debris else None


def full_by_limit(folder: Path, limit_bytes: int) -> int:
    """Save in a child that may write no file beyond `limit_bytes`; its exit code, 5 for the error in words."""
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
