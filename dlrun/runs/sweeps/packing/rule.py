"""Where `launch.pack=auto` packs: where measurement says that it wins (docs/decisions/044)."""

from __future__ import annotations

from dlrun.training.build import Components


def no_gain(components: Components, num_points: int) -> str | None:
    """Return why packing so many runs like this one would gain nothing; None if it wins."""
    del num_points
    return None
