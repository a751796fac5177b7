"""The folder of everything that dlrun keeps between runs and can make again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of all caches: `$DLRUN_CACHE`, or `~/.cache/dlrun`."""
    return Path(os.environ.get("DLRUN_CACHE") or "~/.cache/dlrun").expanduser()
