"""What a server takes. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a request may be, and how many may wait."""

    rows: int = 1000
    mib: int = 16
    timeout_s: float = 30.0
    waiting: int = 256

    @property
    def pixels(self) -> int:
        """How many pixels a request's images may have: a photograph has fewer than two for each byte of its file."""
        return 2 * (self.mib << 20)
