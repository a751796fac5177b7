"""Published models of strangers under an audit hook: nothing runs, and nothing but their folder is read."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from dlrun.storage.sealed import sealed_manifest
from tests.hostile.corpus import make_jail, run_watched, wrongs_of
from tests.hostile.jobs import base_run_job

PICKLE = b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x0atouch /tmp/x\x94\x85\x94R\x94."


def changed(folder: Path, name: str, content: bytes) -> None:
    """Change a file and give the folder a manifest that fits."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    (folder / name).write_bytes(content)
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_bytes(sealed_manifest(manifest))


def hostile_folders(jail: Path) -> dict[str, int]:
    """Make folders from the published model `model`; return the exit code that each must end with."""
    config = (jail / "model" / "config.yaml").read_text()
    state = json.loads((jail / "model" / "model.json").read_text())
    files: dict[str, tuple[str, bytes, int]] = {
        "pickled_weights": ("model.safetensors", PICKLE, 5),
        "pickled_model": ("model.json", PICKLE, 5),
        "pickled_config": ("config.yaml", PICKLE, 2),
        "private_data": ("config.yaml", config.replace("name: iris", "name: table, path: ../secret.csv").encode(), 2),
        "tags": ("config.yaml", f"{config}x: !!python/object/apply:os.system [id]\n".encode(), 2),
        "extends": ("config.yaml", config.replace("format: 1", "format: 1, extends: a@sha256:0").encode(), 2),
        "option": ("config.yaml", config.replace("name: linear", "name: evil").encode(), 2),
        "deep_model": ("model.json", b'{"about":' * 5000 + b"1" + b"}" * 5000, 5),
        "dataset": ("model.json", json.dumps({**state, "about": {**state["about"], "dataset": "../evil"}}).encode(), 0),
    }
    codes = {}
    for name, (file, content, code) in files.items():
        shutil.copytree(jail / "model", jail / name)
        (jail / name / "evil.py").write_text("raise SystemExit(9)\n")
        (jail / name / "__init__.py").write_text("raise SystemExit(9)\n")
        changed(jail / name, file, content)
        codes[name] = code
    shutil.copytree(jail / "model", jail / "linked")
    (jail / "linked" / "forecast.json").symlink_to("/etc/passwd")
    return {**codes, "linked": 5}


@pytest.mark.long
def test_published_models_of_strangers_do_no_harm(tmp_path: Path) -> None:
    jail = make_jail(tmp_path)
    (jail / "new.csv").write_text("a,b,c,d\n5.1,3.5,1.4,0.2\n")
    publish = {"name": "publish", "argv": ["publish", "base/run", "--to", "model", "-q"]}
    first = run_watched(jail, [base_run_job(), publish])["results"]
    assert [(each["code"], list(wrongs_of(each))) for each in first] == [(0, []), (0, [])]
    codes = hostile_folders(jail)
    found = run_watched(
        jail, [{"name": name, "argv": [verb, name, "new.csv"][: 3 - (verb == "eval")]} for name in codes
               for verb in ("predict", "eval")]
    )  # fmt: skip
    assert [wrong for each in found["results"] for wrong in wrongs_of(each)] == []
    assert found["strangers"] == []
    assert {each["name"]: each["code"] for each in found["results"] if each["argv"][0] == "predict"} == codes
