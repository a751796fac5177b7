"""Checkpoints: one folder each, of safetensors and JSON, written whole or not at all, verified when loaded."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from dlrun.durable import replace_file, storage_error, sync_folder, write_file
from dlrun.errors import StorageError

FORMAT = 1
_NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class Snapshot:
    """What a checkpoint holds: tensors by file, and plain values."""

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]  # "model", "optimizer", "random" -> name -> tensor
    values: Mapping[str, Any]


class CheckpointStore:
    """The folder `checkpoints` of a run."""

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder = folder
        self._keep = keep

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.folder / f"step-{step}"

    def save(self, snapshot: Snapshot, *, is_best: bool) -> None:
        """Write a checkpoint, then point `last` (and `best`) at it, then remove old ones.

        Raises StorageError; whatever was there before stays whole.
        """
        target = self.path(snapshot.step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                self._write(snapshot, target)
        except OSError as error:
            raise storage_error(target, error) from error
        if is_best:
            self._point("best", target.name)
        self._point("last", target.name)
        self._prune()

    def _write(self, snapshot: Snapshot, target: Path) -> None:
        beside = self.folder / f".{target.name}.{os.getpid()}.tmp"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        try:
            contents = {
                f"{name}.safetensors": safetensors.torch.save(dict(tensors))
                for name, tensors in snapshot.tensors.items()
            }
            contents["state.json"] = _json(snapshot.values)
            files = {
                name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for name, content in contents.items()
            }
            contents["manifest.json"] = _json({"format": FORMAT, "step": snapshot.step, "files": files})
            for name, content in contents.items():
                write_file(beside / name, content)
            sync_folder(beside)
            beside.rename(target)
            sync_folder(self.folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise

    def _point(self, name: str, target: str) -> None:
        replace_file(self.folder / name, f"{target}\n".encode())

    def _prune(self) -> None:
        best = self.pointer("best")
        for step in self.steps()[: -self._keep]:
            if self.path(step).name != best:
                self._remove(self.path(step))

    def _remove(self, folder: Path) -> None:
        doomed = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        try:
            folder.rename(doomed)  # so that half a checkpoint never bears a checkpoint's name
            shutil.rmtree(doomed)
        except OSError as error:
            raise storage_error(folder, error) from error

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(match[1]) for path in self.folder.iterdir() if (match := _NAME.fullmatch(path.name)))

    def pointer(self, name: str) -> str | None:
        """The folder that `last` or `best` names, or None."""
        try:
            return (self.folder / name).read_text().strip() or None
        except OSError:
            return None

    def load_best(self) -> Snapshot:
        """The best checkpoint, or the last where no evaluation chose one.

        Raises StorageError when it is not there or damaged.
        """
        name = self.pointer("best") or self.pointer("last")
        if name is None or _NAME.fullmatch(name) is None:
            raise StorageError(f"{self.folder}: there is no checkpoint yet.")
        return load(self.folder / name)

    def load_newest(self) -> tuple[Snapshot | None, list[str]]:
        """The newest whole checkpoint, and what was said of newer ones that are damaged."""
        complaints: list[str] = []
        for step in reversed(self.steps()):
            try:
                return load(self.path(step)), complaints
            except StorageError as error:
                complaints.append(str(error))
        return None, complaints

    def set_aside_newer(self, step: int) -> list[Path]:
        """Rename checkpoints after `step`, which could not be used, so that they are kept but never taken for whole."""
        moved = []
        for newer in self.steps():
            if newer > step:
                path = self.path(newer)
                aside = path.with_name(f"{path.name}.damaged")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
                moved.append(aside)
        return moved


def load(folder: Path) -> Snapshot:
    """Read a checkpoint, holding the size and SHA-256 of every file against its manifest.

    Raises StorageError naming the file that is missing or damaged.
    """
    manifest = _read_json(folder / "manifest.json")
    if not isinstance(manifest.get("files"), dict):
        raise StorageError(f"{folder / 'manifest.json'}: damaged: it lists no files.")
    if manifest.get("format") != FORMAT:
        raise StorageError(
            f"{folder}: written in format {manifest.get('format')}; this version of dlrun reads {FORMAT}."
        )
    contents = {}
    for name, expected in manifest["files"].items():
        path = folder / name
        if Path(name).name != name:
            raise StorageError(f"{folder / 'manifest.json'}: damaged: {name!r} is not a file's name.")
        content = _read(path)
        if len(content) != expected["bytes"]:
            raise StorageError(f"{path}: damaged: {len(content)} bytes, the manifest says {expected['bytes']}.")
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise StorageError(f"{path}: damaged: its SHA-256 is not the manifest's.")
        contents[name] = content
    if "state.json" not in contents or "model.safetensors" not in contents:
        raise StorageError(f"{folder / 'manifest.json'}: damaged: it lists no model and state.")
    tensors = {
        name.removesuffix(".safetensors"): safetensors.torch.load(content)
        for name, content in contents.items()
        if name.endswith(".safetensors")
    }
    return Snapshot(manifest["step"], tensors, json.loads(contents["state.json"]))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}).") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(path))
    except ValueError as error:
        raise StorageError(f"{path}: damaged: not JSON.") from error
    if not isinstance(content, dict):
        raise StorageError(f"{path}: damaged: not a mapping.")
    return content


def _json(values: Any) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
