"""No logger besides metrics.jsonl."""

from __future__ import annotations

from pathlib import Path


def none(run_dir: Path) -> None:
    """Nothing is written but the run's own files."""
    del run_dir
