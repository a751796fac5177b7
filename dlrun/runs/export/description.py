"""The JSON beside an exported file: all that a program needs to give it raw rows and to name what comes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from dlrun.errors import StorageError
from dlrun.runs.export.preprocessing import preprocessing_of
from dlrun.runs.export.target import Format, json_path
from dlrun.runs.export.values import Value
from dlrun.runs.loaded_run import LoadedRun
from dlrun.version import __version__
from dlrun.wording import printable

FORMAT, VERSION = "dlrun-export", 1
_MOST_BYTES = 1 << 28  # of a JSON: that of the largest vocabularies


def describe(
    run: LoadedRun, *, content: bytes, name: str, kind: Format, inputs: Sequence[Value], outputs: Sequence[Value]
) -> dict[str, Any]:
    """Return the JSON's values, without what was measured. content, name: of the exported file."""
    file = {"name": name, "format": kind, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    config = run.config
    return {
        "format": FORMAT,
        "version": VERSION,
        "file": file,
        "run": {
            "dataset": config.dataset.name,
            "model": config.model.name,
            "step": run.step,
            "seed": config.seed,
        },
        "versions": {"dlrun": __version__, "torch": torch.__version__},
        "goal": run.spec.goal,
        "inputs": [value.as_json() for value in inputs],
        "outputs": [value.as_json() for value in outputs],
        "preprocessing": preprocessing_of(run),
    }


def as_bytes(about: Mapping[str, Any]) -> bytes:
    """Return a description as the content of its file."""
    return (json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_description(path: Path) -> dict[str, Any]:
    """Return the description of an exported file, which may have been moved with it.

    Raises StorageError if there is none, it is of a newer version, or the file is not the one that it describes.
    """
    beside = json_path(path)
    shown = printable(str(beside), limit=500)
    try:
        if beside.stat().st_size > _MOST_BYTES:
            raise StorageError(f"{shown}: it is too large to be the description of a model.")
        about = json.loads(beside.read_text(encoding="utf-8"))
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{printable(str(error.filename), limit=500)}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise StorageError(f"{shown}: it is no JSON ({printable(str(error))}).") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT or not isinstance(about.get("version"), int):
        raise StorageError(f'{shown}: expected the description of an exported model, "format": "{FORMAT}".')
    if about["version"] > VERSION:
        what = f"written in version {about['version']} of the format; this dlrun reads up to {VERSION}. Update dlrun"
        raise StorageError(f"{shown}: {what}.")
    found = hashlib.sha256(content).hexdigest()
    if not isinstance(about.get("file"), dict) or about["file"].get("sha256") != found:
        what = f"{printable(path.name)} is not the file that it describes (its SHA-256 differs). Export the run again"
        raise StorageError(f"{shown}: {what}.")
    return about
