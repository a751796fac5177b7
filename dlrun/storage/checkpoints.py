"""The folder `checkpoints` of a run: each one written whole or not at all, old ones pruned, damaged ones kept."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.errors import StorageError
from dlrun.storage import disk as system
from dlrun.storage.atomic import (
    discard,
    remove_debris,
    remove_tree,
    replace_file,
    storage_error,
    sync_file,
    sync_folder,
    write_file,
)
from dlrun.storage.checkpoint_format import FORMAT, Snapshot, best_step, encode, load, load_values

__all__ = ["FORMAT", "CheckpointStore", "Snapshot", "load", "write_folder"]

_NAME = re.compile(r"step-(\d+)")
_DEBRIS = (".step-*.tmp", ".step-*.old", ".last.*.tmp", ".best.*.tmp")


def write_folder(snapshot: Snapshot, target: Path) -> None:
    """Write a snapshot as a folder, which bears its name only once every byte is on the disk.

    A folder that has the name already is replaced: it is moved aside to `.NAME.before` until the new one is there.
    Raises OSError or StorageError; a folder that was there before is there still.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    aside = target.with_name(f".{target.name}.before")
    discard(beside)
    try:
        system.disk.make_folder(beside)
        for name, content in encode(snapshot).items():
            write_file(beside / name, content)
        sync_folder(beside)
        if target.exists():
            system.disk.rename(target, aside)
        try:
            system.disk.rename(beside, target)
        except OSError:
            if aside.exists():
                os.rename(aside, target)
            raise
        sync_folder(target.parent)
    except BaseException:
        discard(beside)
        raise
    if aside.exists():
        remove_tree(aside)


class CheckpointStore:
    """The folder `checkpoints` of a run; `sync_before` are files that must be on the disk before a checkpoint is."""

    def __init__(self, folder: Path, *, keep: int = 2, sync_before: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._keep = keep
        self._sync_before = sync_before

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.folder / f"step-{step}"

    def save(self, snapshot: Snapshot, *, is_best: bool) -> None:
        """Write a checkpoint, then point `last` (and `best`) at it, then remove old ones.

        Raises StorageError; whatever was there before stays whole.
        """
        target = self.path(snapshot.step)
        for path in self._sync_before:
            sync_file(path)
        try:
            if not self.folder.is_dir():
                system.disk.make_folder(self.folder)
                sync_folder(self.folder.parent)
            write_folder(snapshot, target)
        except OSError as error:
            raise storage_error(target, error) from error
        if is_best:
            self._point("best", target.name)
        self._point("last", target.name)
        self.prune(best=snapshot.step if is_best else snapshot.best_step)

    def _point(self, name: str, target: str) -> None:
        replace_file(self.folder / name, f"{target}\n".encode())

    def repoint(self, snapshot: Snapshot) -> None:
        """Let `last` and `best` agree with the checkpoint that a run goes on from: a kill may have come between."""
        pointers = {"last": snapshot.step, "best": snapshot.best_step}
        for name, step in pointers.items():
            target = None if step is None or not self.path(step).is_dir() else self.path(step).name
            if target is not None and self.pointer(name) != target:
                self._point(name, target)
            elif target is None and (self.folder / name).exists():
                system.disk.remove(self.folder / name)

    def prune(self, *, best: int | None, keep: int | None = None) -> list[Path]:
        """Remove all but the newest checkpoints and the best; returns those removed."""
        doomed = [self.path(step) for step in self.steps()[: -(keep or self._keep)] if step != best]
        for folder in doomed:
            self._remove(folder)
        return doomed

    def clean(self) -> list[Path]:
        """Remove all but the best and the newest whole checkpoints, damaged ones too; returns what was removed.

        Where none is whole nothing is removed.
        """
        newest, _ = self.load_newest()
        if newest is None:
            return []
        damaged = [folder for folder in sorted(self.folder.glob("step-*")) if not self._is_whole(folder)]
        for folder in damaged:
            self._remove(folder)
        return damaged + self.prune(best=newest.best_step)

    def _is_whole(self, folder: Path) -> bool:
        match = _NAME.fullmatch(folder.name)
        try:
            return match is not None and bool(load(folder, step=int(match[1])))
        except StorageError:
            return False

    def _remove(self, folder: Path) -> None:
        doomed = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        try:
            system.disk.rename(folder, doomed)  # so that half a checkpoint never bears a checkpoint's name
            remove_tree(doomed)
        except OSError as error:
            raise storage_error(folder, error) from error

    def recover(self) -> list[str]:
        """Put right what a killed process left, in a folder that is ours alone; returns notices.

        A checkpoint that was being replaced gets its name back where the new one never took it.
        """
        notices = []
        for aside in sorted(self.folder.glob(".step-*.before")):
            target = self.folder / aside.name.removeprefix(".").removesuffix(".before")
            if target.exists():
                discard(aside)
            else:
                system.disk.rename(aside, target)
                notices.append(f"{target} was being replaced when the run was killed; it is back.")
        remove_debris(self.folder, _DEBRIS)
        return notices

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(match[1]) for path in self.folder.iterdir() if (match := _NAME.fullmatch(path.name)))

    def pointer(self, name: str) -> str | None:
        """The folder that `last` or `best` names, or None."""
        try:
            return (self.folder / name).read_text(encoding="utf-8", errors="replace").strip() or None
        except OSError:
            return None

    def load_best(self) -> Snapshot:
        """The best checkpoint, or the last where no evaluation chose one, as the newest whole one tells.

        Raises StorageError when it is not there or damaged.
        """
        complaints = []
        for step in reversed(self.steps()):
            try:
                values = load_values(self.path(step), step=step)
            except StorageError as error:
                complaints.append(str(error))
                continue
            best = best_step(values)
            chosen = step if best is None else best
            return load(self.path(chosen), step=chosen)
        raise StorageError("\n".join(complaints) or f"{self.folder}: there is no checkpoint yet.")

    def load_newest(self) -> tuple[Snapshot | None, list[str]]:
        """The newest whole checkpoint, and what was said of newer ones that are damaged."""
        complaints: list[str] = []
        for step in reversed(self.steps()):
            try:
                return load(self.path(step), step=step), complaints
            except StorageError as error:
                complaints.append(str(error))
        return None, complaints

    def set_aside_newer(self, step: int) -> list[Path]:
        """Rename checkpoints after `step`, which could not be used, so that they are kept but never taken for whole."""
        moved = []
        for newer in self.steps():
            if newer > step:
                path = self.path(newer)
                aside = _free_name(path.with_name(f"{path.name}.damaged"))
                system.disk.rename(path, aside)
                moved.append(aside)
        return moved


def _free_name(path: Path) -> Path:
    """`path`, with a number where it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free
