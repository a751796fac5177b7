"""What only repeats a configuration: points that differ only in it are one trial."""

from __future__ import annotations

from collections.abc import Sequence

FOLD = "dataset.fold"
REPEATED = ("seed", FOLD)
"""Keys that a search does not choose: every trial is trained with each of their values."""


def without_repeats(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the overrides of a point, `KEY=VALUE` each, without its seed and fold."""
    return tuple(word for word in overrides if word.partition("=")[0] not in REPEATED)
