"""The folder `checkpoints` of a run: written atomically, old ones removed, damaged ones set aside."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
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
    write_pieces,
)
from dlrun.storage.checkpoint_format import FORMAT, Snapshot, best_step, files_of, load_snapshot, load_values
from dlrun.storage.published import is_published, load_published
from dlrun.storage.reading import read_regular

__all__ = ["FORMAT", "CheckpointStore", "Snapshot", "load_best", "load_snapshot", "write_folder"]

_NAME = re.compile(r"step-(\d+)")
_DEBRIS = (".step-*.tmp", ".step-*.old", ".last.*.tmp", ".best.*.tmp")


def write_folder(snapshot: Snapshot, target: Path) -> None:
    """Write a snapshot as a folder, which gets its name only when every byte is on the disk.

    An existing folder of that name is replaced: it is renamed to `.NAME.before` until the new one has its name.
    Raises OSError or StorageError; an existing folder is then unchanged.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    aside = target.with_name(f".{target.name}.before")
    discard(temporary)
    try:
        system.disk.make_folder(temporary)
        for name, pieces in files_of(snapshot):
            write_pieces(temporary / name, pieces)
        sync_folder(temporary)
        if target.exists():
            system.disk.rename(target, aside)
        try:
            system.disk.rename(temporary, target)
        except OSError:
            if aside.exists():
                os.rename(aside, target)
            raise
        sync_folder(target.parent)
    except BaseException:
        discard(temporary)
        raise
    if aside.exists():
        remove_tree(aside)


def load_best(folder: Path) -> Snapshot:
    """Return the best checkpoint of a run's folder, or the weights and values of a published model, verified.

    Raises StorageError, with the command that trains again, if it is missing or damaged.
    """
    if is_published(folder):
        return load_published(folder)
    store = CheckpointStore(folder / "checkpoints")
    if not store.steps():
        raise StorageError(f"{store.folder}: there is no checkpoint; `dlrun resume {folder}` trains from the start.")
    try:
        return store.load_best()
    except StorageError as error:
        again = f"`dlrun recipe={folder / 'config.yaml'}` trains the run again"
        raise StorageError(f"{error}\n      The best checkpoint of the run is needed; {again}.") from error


class CheckpointStore:
    """The folder `checkpoints` of a run.

    keep: how many of the newest checkpoints to keep, besides the best. sync_before: files that must be on the disk
    before a checkpoint is. load: reads and verifies a checkpoint's folder, whole or as far as it is needed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int = 2,
        sync_before: Sequence[Path] = (),
        load: Callable[..., Snapshot] = load_snapshot,
    ) -> None:
        self.folder, self._load = folder, load
        self._keep = keep
        self._sync_before = sync_before

    def path(self, step: int) -> Path:
        """Return the folder of a step's checkpoint."""
        return self.folder / f"step-{step}"

    def save(self, snapshot: Snapshot, *, is_best: bool) -> None:
        """Write a checkpoint, then let `last` (and `best`) name it, then remove old ones.

        Raises StorageError; earlier checkpoints are then still whole.
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
            self._write_pointer("best", target.name)
        self._write_pointer("last", target.name)
        self.prune(best=snapshot.step if is_best else snapshot.best_step)

    def _write_pointer(self, name: str, target: str) -> None:
        replace_file(self.folder / name, f"{target}\n".encode())

    def repoint(self, snapshot: Snapshot) -> None:
        """Let `last` and `best` agree with the checkpoint that a run resumes from, after a kill between two writes."""
        pointers = {"last": snapshot.step, "best": snapshot.best_step}
        for name, step in pointers.items():
            target = None if step is None or not self.path(step).is_dir() else self.path(step).name
            if target is not None and self.pointer(name) != target:
                self._write_pointer(name, target)
            elif target is None and (self.folder / name).exists():
                system.disk.remove(self.folder / name)

    def prune(self, *, best: int | None, keep: int | None = None) -> list[Path]:
        """Remove all but the newest checkpoints and the best; return the removed folders."""
        removed = [self.path(step) for step in self.steps()[: -(keep or self._keep)] if step != best]
        for folder in removed:
            self._remove(folder)
        return removed

    def clean(self) -> list[Path]:
        """Remove all but the best and the newest whole checkpoints, also damaged ones; return the removed folders.

        If no checkpoint is whole, nothing is removed.
        """
        newest, _ = self.load_newest()
        if newest is None:
            return []
        damaged = [folder for folder in sorted(self.folder.glob("step-*")) if not _is_whole(folder)]
        for folder in damaged:
            self._remove(folder)
        return damaged + self.prune(best=newest.best_step)

    def _remove(self, folder: Path) -> None:
        renamed = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        try:
            system.disk.rename(folder, renamed)  # so that a partly removed checkpoint never has a checkpoint's name
            remove_tree(renamed)
        except OSError as error:
            raise storage_error(folder, error) from error

    def recover(self) -> list[str]:
        """Repair what a killed process left in a folder that this process owns; return notices.

        A checkpoint that was being replaced gets its name back, unless the new one already has it.
        """
        notices = []
        for aside in sorted(self.folder.glob(".step-*.before")):
            target = self.folder / aside.name.removeprefix(".").removesuffix(".before")
            if target.exists():
                discard(aside)
            else:
                system.disk.rename(aside, target)
                notices.append(f"{target} was being replaced when the run was killed; it is restored.")
        remove_debris(self.folder, _DEBRIS)
        return notices

    def steps(self) -> list[int]:
        """Return the steps that have a checkpoint, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(match[1]) for path in self.folder.iterdir() if (match := _NAME.fullmatch(path.name)))

    def pointer(self, name: str) -> str | None:
        """Return the folder name in `last` or `best`; None if it cannot be read."""
        try:
            return read_regular(self.folder / name).decode(errors="replace").strip() or None
        except OSError:
            return None

    def load_best(self) -> Snapshot:
        """Load the best checkpoint, or the last if there was no evaluation, according to the newest whole one.

        Raises StorageError if it is missing or damaged.
        """
        errors = []
        for step in reversed(self.steps()):
            try:
                values = load_values(self.path(step), step=step)
            except StorageError as error:
                errors.append(str(error))
                continue
            best = best_step(values)
            chosen = step if best is None else best
            return self._load(self.path(chosen), step=chosen)
        raise StorageError("\n".join(errors) or f"{self.folder}: no checkpoint yet.")

    def load_newest(self) -> tuple[Snapshot | None, list[str]]:
        """Load the newest whole checkpoint, if any; return it with the errors of newer, damaged ones."""
        errors: list[str] = []
        for step in reversed(self.steps()):
            try:
                return self._load(self.path(step), step=step), errors
            except StorageError as error:
                errors.append(str(error))
        return None, errors

    def set_aside_newer(self, step: int) -> list[Path]:
        """Rename the checkpoints after `step`, which are damaged, so that none is loaded; return the new paths."""
        renamed = []
        for newer in self.steps():
            if newer > step:
                path = self.path(newer)
                aside = _free_name(path.with_name(f"{path.name}.damaged"))
                system.disk.rename(path, aside)
                renamed.append(aside)
        return renamed


def _is_whole(folder: Path) -> bool:
    match = _NAME.fullmatch(folder.name)
    try:
        return match is not None and bool(load_snapshot(folder, step=int(match[1])))
    except StorageError:
        return False


def _free_name(path: Path) -> Path:
    """Return `path`, with a number if it is taken."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}_{number}")
    return free
