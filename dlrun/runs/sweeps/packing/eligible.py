"""Which points of a sweep may be trained as one model, by their configurations alone. Imports no torch.

Whether their models really are of one structure, and whether packing them wins, is decided once they are built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.sweeps.settings import SweepSettings

Mode = Literal["auto", "on", "off"]

FREE = ("seed", "optimizer", "scheduler", "metric", "logger", "checkpoint", "recipe", "resume")
"""Keys that each point of a pack may have for itself, with all fields below them: none changes what a step computes of
a batch, and the weights of each point are updated by its own optimizer."""

FREE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "model": ("dropout",),
    "loss": ("label_smoothing",),
    "trainer": ("clip_norm", "log_every", "eval_every", "eval_every_steps", "early_stop", "max_time"),
}
"""The same, of a group's fields."""

FASTER = ("mlp", "linear")
"""Models that `launch.pack=auto` packs: those whose layers are computed as batched matrix products."""

FEWEST_OF_AUTO = 4
"""Points of a pack that `launch.pack=auto` makes, at least."""

FOLLOWS_RESULTS = ("tpe",)
"""Searches whose next point depends on the results of those before it."""


def signature(config: RunConfig) -> str:
    """Return what points of one pack have in common."""
    tree: dict[str, Any] = {key: value for key, value in config.tree.items() if key not in FREE}
    for group, fields in FREE_FIELDS.items():
        tree[group] = {name: value for name, value in tree[group].items() if name not in fields}
    return json.dumps(tree, sort_keys=True)


def obstacle(config: RunConfig, mode: Mode) -> str | None:
    """Return why a point cannot be packed, or why `auto` does not pack it; None if it can, as far as is known."""
    settings, device = config.trainer, config.device_settings
    if config.model.name == "gan":
        return "model=gan has losses of its own"
    if settings.accumulate > 1:
        return f"trainer.accumulate={settings.accumulate}"
    if settings.ema is not None:
        return f"trainer.ema={settings.ema:g}"
    if device.processes != 1:
        return f"device.processes={device.processes}"
    if device.compile:
        return "device.compile=true"
    if device.precision != "fp32":
        return f"device.precision={device.precision}"
    if mode == "auto" and config.model.name not in FASTER:
        return f"model={config.model.name} gains nothing on the CPU; launch.pack=on packs it all the same"
    dropout = config.model.arguments.get("dropout")
    if mode == "auto" and dropout:
        return f"model.dropout={dropout:g} would draw other masks than alone; launch.pack=on packs it all the same"
    return None


def sweep_obstacle(settings: SweepSettings, *, profile: bool) -> str | None:
    """Return why no point of a sweep can be packed; None if they can."""
    if profile:
        return "--profile measures one run at a time"
    if settings.search.budget is not None:
        return "search.budget ends a sweep between points, and those of a pack end together"
    if settings.search.name in FOLLOWS_RESULTS:
        return f"search={settings.search.name} chooses each point by the results of those before it"
    return None
