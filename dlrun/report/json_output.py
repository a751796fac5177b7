"""What `--json` prints on standard output."""

from __future__ import annotations

import json
from typing import Any

from dlrun.storage.json_values import nan_to_null


def print_json(value: Any) -> None:
    """Print a value as JSON that every program can read: NaN and infinity become null, letters beyond ASCII escapes."""
    print(json.dumps(nan_to_null(value), indent=2, allow_nan=False))
