"""Running the step again at which a training diverged."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.run import build_state
from dlrun.storage.checkpoint_format import load
from dlrun.training.build import build_parts
from dlrun.training.divergence import Finding, Probe, window_of
from dlrun.training.state import restore
from dlrun.wording import printable


def replay(config: RunConfig, catalog: Catalog, folder: Path) -> tuple[int, Finding | None]:
    """Take the step that a run's capsule holds; its number and what went bad, or None where nothing did.

    Raises ConfigError when the run left no capsule, StorageError when it is damaged.
    """
    capsule = folder / "capsule"
    if not capsule.is_dir():
        raise ConfigError(
            Problem(printable(str(folder)), "This run left no capsule: it holds one when its training diverged.")
        )
    snapshot = load(capsule)
    parts = build_parts(config, catalog)
    parts.task.prepare(parts.data)
    parts.task.train()
    state = build_state(config, catalog, parts)
    progress = restore(snapshot, state)
    probe = Probe(state)
    with probe.watching(), parts.device.autocast():
        return snapshot.step + 1, probe.take(window_of(snapshot.tensors["batch"], parts.device.torch), progress)
