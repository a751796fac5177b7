"""The files of a checkpoint: safetensors, JSON, and a manifest that verifies every byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from dlrun.errors import StorageError
from dlrun.storage.reading import read_file, read_listed, restoring, verify_listed
from dlrun.storage.sealed import compact_json, is_sealed, sealed_manifest
from dlrun.storage.tensor_files import TensorFile, TensorStream

FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """The content of a checkpoint: tensors by file, and plain values.

    streams: files whose tensors come one after another while they are written, instead of being held in `tensors`.
    """

    step: int
    tensors: Mapping[str, Mapping[str, Tensor]]  # "model", "optimizer", "random" -> name -> tensor
    values: Mapping[str, Any]
    streams: Mapping[str, TensorStream] = field(default_factory=dict)

    @property
    def best_step(self) -> int | None:
        """The step of the best evaluation so far; None if there was none."""
        return best_step(self.values)


def best_step(values: Mapping[str, Any]) -> int | None:
    """Return the step of the best evaluation in a checkpoint's values; None if there was none."""
    best = values.get("progress", {}).get("best")
    return None if best is None else int(best["step"])


def encode(snapshot: Snapshot) -> dict[str, bytes]:
    """Return the files of a snapshot's folder, {name: content}; the manifest is the last."""
    contents = {
        f"{name}.safetensors": safetensors.torch.save(dict(tensors)) for name, tensors in snapshot.tensors.items()
    }
    contents["state.json"] = compact_json(snapshot.values)
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    contents["manifest.json"] = sealed_manifest({"format": FORMAT, "step": snapshot.step, "files": files})
    return contents


def files_of(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Yield the files of a snapshot's folder with their pieces; each is to be read to its end before the next one."""
    held = encode(replace(snapshot, streams={}))
    if not snapshot.streams:
        yield from ((name, (content,)) for name, content in held.items())
        return
    files = dict(json.loads(held.pop("manifest.json"))["files"])
    for name, stream in snapshot.streams.items():
        seen = _Seen(stream.encoded())
        yield f"{name}.safetensors", seen
        files[f"{name}.safetensors"] = {"bytes": seen.num_bytes, "sha256": seen.hash.hexdigest()}
    yield from ((name, (content,)) for name, content in held.items())
    yield "manifest.json", (sealed_manifest({"format": FORMAT, "step": snapshot.step, "files": files}),)


class _Seen:
    """Pieces of a file, measured while they are read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.num_bytes, self.hash = 0, hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.num_bytes += len(piece)
            self.hash.update(piece)
            yield piece


def load_snapshot(folder: Path, *, step: int | None = None) -> Snapshot:
    """Read a checkpoint and verify the size and SHA-256 of every file.

    step: the step in the folder's name, if it has one; the manifest must agree.
    Raises StorageError naming the file that is missing or damaged.
    """
    with restoring(folder):
        manifest = _read_manifest(folder, step)
        contents = {name: _read_file(folder, name, manifest) for name in manifest["files"]}
        tensors = {
            name.removesuffix(".safetensors"): safetensors.torch.load(content)
            for name, content in contents.items()
            if name.endswith(".safetensors")
        }
        return Snapshot(int(manifest["step"]), tensors, _values(contents["state.json"]))


def open_snapshot(folder: Path, *, step: int | None = None) -> Snapshot:
    """Verify a checkpoint as `load_snapshot` does, and return it with tensors that are read when they are asked for.

    Raises StorageError naming the file that is missing or damaged.
    """
    with restoring(folder):
        manifest = _read_manifest(folder, step)
        names = [name for name in manifest["files"] if name.endswith(".safetensors")]
        for name in names:
            verify_listed(folder / name, manifest["files"][name])
        tensors = {name.removesuffix(".safetensors"): TensorFile(folder / name) for name in names}
        return Snapshot(int(manifest["step"]), tensors, _values(_read_file(folder, "state.json", manifest)))


def load_values(folder: Path, *, step: int | None = None) -> dict[str, Any]:
    """Read only the plain values of a checkpoint, verified.

    Raises StorageError naming the file that is missing or damaged.
    """
    with restoring(folder):
        return _values(_read_file(folder, "state.json", _read_manifest(folder, step)))


def _values(content: bytes) -> dict[str, Any]:
    """The plain values in `state.json`, with a best step that is one."""
    values: dict[str, Any] = json.loads(content)
    best_step(values)
    return values


def _read_manifest(folder: Path, step: int | None) -> dict[str, Any]:
    path = folder / "manifest.json"
    content = read_file(path)
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise StorageError(f"{path}: damaged: not JSON.") from error
    if not isinstance(manifest, dict):
        raise StorageError(f"{path}: damaged: not a mapping.")
    if not isinstance(manifest.get("files"), dict):
        raise StorageError(f"{path}: damaged: it lists no files.")
    if manifest.get("format") != FORMAT:
        raise StorageError(
            f"{folder}: written in format {manifest.get('format')}; this version of dlrun reads {FORMAT}."
        )
    for name in manifest["files"]:
        if Path(name).name != name:
            raise StorageError(f"{path}: damaged: {name!r} is not a file name.")
    if "state.json" not in manifest["files"] or "model.safetensors" not in manifest["files"]:
        raise StorageError(f"{path}: damaged: it does not list model and state.")
    if not is_sealed(content, manifest):
        raise StorageError(f"{path}: damaged: its SHA-256 does not match its content.")
    if step is not None and manifest["step"] != step:
        raise StorageError(f"{path}: damaged: it is of step {manifest['step']}, but the folder is of step {step}.")
    return manifest


def _read_file(folder: Path, name: str, manifest: Mapping[str, Any]) -> bytes:
    path, expected = folder / name, manifest["files"][name]
    most = max(expected["bytes"], path.stat().st_size if path.is_file() else 0)
    return read_listed(path, expected, most=most)
