"""Make hostile run folders: a real run, over which the files and the plan of one folder of the corpus are laid."""

from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from dlrun.storage.checkpoint_format import sealed_manifest
from tests.hostile.corpus import HERE

_PICKLE = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
_STEP = "STEP"  # stands for the folder of the run's best checkpoint


def lay_over(base: Path, name: str, target: Path) -> None:
    """Copy the run `base` to `target` and change it as the folder `runs/NAME` of the corpus says."""
    shutil.copytree(base, target)
    step = (base / "checkpoints" / "best").read_text().strip()
    overlay = HERE / "runs" / name
    for source in sorted(overlay.rglob("*")):
        if source.is_file() and source.name != "PLAN.json":
            place = target / str(source.relative_to(overlay)).replace(_STEP, step)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
    plan_file = overlay / "PLAN.json"
    plan = json.loads(plan_file.read_text()) if plan_file.exists() else {}
    for place, to in plan.get("links", {}).items():
        _cleared(target / place.replace(_STEP, step)).symlink_to(to)
    for place in plan.get("fifos", ()):
        os.mkfifo(_cleared(target / place.replace(_STEP, step)))
    _reseal(target / "checkpoints" / step, plan)


def _cleared(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
    return path


def _reseal(folder: Path, plan: dict[str, Any]) -> None:
    """Change a checkpoint and give it a manifest that fits, as somebody who knows the format would."""
    if not {"state", "model", "manifest"} & set(plan):
        return
    if "state" in plan:
        state = json.loads((folder / "state.json").read_text())
        for key, value in plan["state"].items():
            state = _with(state, key.split("."), value)
        (folder / "state.json").write_text(json.dumps(state, separators=(",", ":"), sort_keys=True))
    if "model" in plan:
        weights = safetensors.torch.load((folder / "model.safetensors").read_bytes())
        (folder / "model.safetensors").write_bytes(_bad_weights(plan["model"], weights))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.pop("sha256")
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    manifest.update(plan.get("manifest", {}))
    (folder / "manifest.json").write_bytes(sealed_manifest(manifest))


def _with(state: Any, parts: list[str], value: Any) -> Any:
    if parts == ["REPLACE"]:
        return value
    inner = _with(state.get(parts[0]) or {}, parts[1:], value) if len(parts) > 1 else value
    return {**state, parts[0]: inner}


def _bad_weights(how: str, weights: dict[str, torch.Tensor]) -> bytes:
    if how == "pickle":
        return _PICKLE
    if how == "header":
        return (2**60).to_bytes(8, "little") + b"{}"
    changed = {
        "names": {f"\x1b[2J{name}": value for name, value in weights.items()},
        "shapes": {name: torch.zeros(7, 7) for name in weights},
        "empty": {},
        "infinite": {name: value * float("inf") for name, value in weights.items()},
    }
    return safetensors.torch.save(changed[how])
