"""Run dlrun as a command and read the files of its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """The files of a run: its result, the rows of its evaluations, and its profile, if requested."""

    result: dict[str, Any]
    epochs: list[dict[str, Any]]
    profile: dict[str, Any] | None


def train(words: Sequence[str]) -> Finished:
    """Train in a temporary folder.

    Raises SystemExit with the run's error output if it fails.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "run")
        command = [sys.executable, "-m", "dlrun", *words, f"hydra.run.dir={folder}"]
        done = subprocess.run(command, cwd=name, env={**os.environ, "CI": "1"}, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        profile = folder / "profile.json"
        return Finished(
            json.loads((folder / "result.json").read_text()),
            [row for row in rows if "lr" not in row],
            json.loads(profile.read_text()) if profile.exists() else None,
        )
