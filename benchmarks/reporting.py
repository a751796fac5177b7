"""What benchmarks of scores print and write: a table's or a series' scores in a line, errors, a summary, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def print_result(label: str, result: Mapping[str, Any], after: str = "") -> None:
    """Print the scores of every contestant in one line after `label`, and below it the errors."""
    shown = "  ".join(f"{name} {'-' if value is None else f'{value:.3f}'}" for name, value in result["scores"].items())
    print(f"{label}  {shown}{after}", flush=True)
    for error in result["errors"]:
        print(f"    {error}", flush=True)


def print_summary(lines: Sequence[str], results: Sequence[Mapping[str, Any]], *, json_file: str | None) -> None:
    """Print a summary, and write every number to a file if one is named."""
    print("\n".join(["", *lines]))
    if json_file:
        Path(json_file).write_text(json.dumps(results, indent=1), encoding="utf-8")
