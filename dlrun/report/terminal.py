"""Whether standard error is a terminal that can be drawn on."""

from __future__ import annotations

import os
from typing import IO


def is_live(stream: IO[str]) -> bool:
    """Whether a stream can show a progress bar."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
