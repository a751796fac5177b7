"""Where `launch.pack=auto` packs: where measurement says that it wins (docs/decisions/044)."""

from __future__ import annotations

from dlrun.training.build import Components
from dlrun.wording import plural

MOST_WEIGHTS = 250_000
"""Of a model: those of a few larger ones, with their gradients and the states of their optimizers, leave the cache."""

MOST_WORK = 16_000_000
"""Weights times rows of a batch: above it a step is arithmetic alone, and arithmetic takes as long in a pack."""


def no_gain(components: Components) -> str | None:
    """Return why packing runs like this one would gain nothing, or is not known to; None if it wins."""
    weights, rows = components.num_parameters, components.config.trainer.batch_size
    if not components.device.is_cpu:
        return "launch.pack=auto packs on the CPU, where it was measured"
    if weights > MOST_WEIGHTS:
        return f"launch.pack=auto packs models of up to {MOST_WEIGHTS:,} weights, these have {weights:,}"
    if weights * rows > MOST_WORK:
        return f"launch.pack=auto packs small steps; these are of {plural(weights, 'weight')} and {plural(rows, 'row')}"
    return None
