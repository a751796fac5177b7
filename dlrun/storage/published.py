"""A published model: a folder of plain files and a manifest that verifies them. Imports torch only to read weights.

Somebody else wrote it: links are refused, and no file is opened that the manifest does not name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.errors import StorageError
from dlrun.storage import disk as system
from dlrun.storage.atomic import discard, discarding, sync_folder, write_file
from dlrun.storage.reading import MOST_JSON_BYTES, read_file, read_listed, restoring, verify_listed
from dlrun.storage.sealed import is_sealed, sealed_manifest
from dlrun.wording import printable

if TYPE_CHECKING:
    from dlrun.storage.checkpoint_format import Snapshot

FORMAT, VERSION = "dlrun-published", 1
MANIFEST, CARD, CONFIG, RECIPE = "manifest.json", "README.md", "config.yaml", "recipe.yaml"
WEIGHTS, MODEL, RESULT, FORECAST, SAMPLES = (
    "model.safetensors", "model.json", "result.json", "forecast.json", "samples.png",
)  # fmt: skip
ONNX, ONNX_JSON = "model.onnx", "model.onnx.json"
_NEEDED = (CONFIG, WEIGHTS, MODEL)
NAMES = (CARD, CONFIG, RECIPE, WEIGHTS, MODEL, RESULT, FORECAST, SAMPLES, ONNX, ONNX_JSON)
"""The files that a published model may have, besides its manifest; others in its folder are not opened."""
_MOST_MANIFEST_BYTES = 64 << 10


def is_published(folder: Path) -> bool:
    """Return whether a folder is a published model and no run's."""
    return os.path.lexists(folder / MANIFEST) and not os.path.lexists(folder / "checkpoints")


def write_published(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder with its manifest; it gets its name only when every byte is on the disk.

    files: content by name, each in `NAMES`. target: it must not exist, or be an empty folder.
    Raises StorageError; nothing is then left.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    listed = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }
    manifest = sealed_manifest({"format": FORMAT, "version": VERSION, "files": listed})
    discard(temporary)
    with discarding(temporary, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        system.disk.make_folder(temporary)
        for name, content in {**files, MANIFEST: manifest}.items():
            write_file(temporary / name, content)
        sync_folder(temporary)
        system.disk.rename(temporary, target)
        sync_folder(target.parent)


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """Return the size and SHA-256 of each file of a published model, by name.

    Raises StorageError if the manifest is damaged or of a newer version, or if the folder has a link.
    """
    _refuse_links(folder)
    path = folder / MANIFEST
    content = read_file(path, most=_MOST_MANIFEST_BYTES)
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{path}: damaged: not JSON.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise StorageError(f"{path}: it is not the manifest of a published model.")
    if manifest.get("version") != VERSION:
        found = printable(str(manifest.get("version")), limit=20)
        raise StorageError(f"{path}: written in version {found}; this version of dlrun reads {VERSION}.")
    with restoring(path):
        if not is_sealed(content, manifest):
            raise StorageError(f"{path}: damaged: its SHA-256 does not match its content.")
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(map(_is_entry, files.values())):
        raise StorageError(f"{path}: damaged: it lists no files.")
    foreign = sorted(set(files) - set(NAMES))
    if foreign:
        raise StorageError(f"{path}: damaged: {printable(foreign[0])} is no file of a published model.")
    missing = [name for name in _NEEDED if name not in files]
    if missing:
        raise StorageError(f"{path}: damaged: it does not list {', '.join(missing)}.")
    unlisted = [name for name in NAMES if name not in files and os.path.lexists(folder / name)]
    if unlisted:
        raise StorageError(f"{folder / unlisted[0]}: the manifest does not list this file; remove it.")
    return files


def read_published(folder: Path, name: str, files: Mapping[str, Any]) -> bytes:
    """Return the verified content of one file. files: of `read_manifest`.

    Raises StorageError if it is missing or is not the one in the manifest.
    """
    expected = files[name]
    most = max(MOST_JSON_BYTES, expected["bytes"]) if name == WEIGHTS else MOST_JSON_BYTES
    return read_listed(folder / name, expected, most=most)


def verify_published(folder: Path, files: Mapping[str, Any]) -> None:
    """Verify every file but the card, which its author is to complete; raises StorageError naming what is damaged."""
    for name, expected in files.items():
        if name != CARD:
            verify_listed(folder / name, expected)


def load_published(folder: Path) -> Snapshot:
    """Return the weights and values of a published model, every file verified.

    Raises StorageError naming the file that is missing or damaged.
    """
    import safetensors.torch

    from dlrun.storage.checkpoint_format import Snapshot

    files = read_manifest(folder)
    verify_published(folder, files)
    with restoring(folder):
        values = json.loads(read_published(folder, MODEL, files))
        tensors = safetensors.torch.load(read_published(folder, WEIGHTS, files))
        return Snapshot(int(values["step"]), {"model": tensors}, {"about": dict(values["about"])})


def _refuse_links(folder: Path) -> None:
    try:
        links = [entry.name for entry in os.scandir(folder) if entry.is_symlink()]
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read ({error.strerror}).") from error
    if links:
        raise StorageError(
            f"{folder / min(links)}: it is a link, and a published model has none. A hub's cache is made of links; "
            "download files instead: hf download OWNER/NAME --local-dir FOLDER"
        )


def _is_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and type(entry.get("bytes")) is int
        and 0 <= entry["bytes"] < 1 << 53
    )
