"""Repeat the step at which a training diverged."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.run import build_state
from dlrun.storage.checkpoint_format import load_snapshot
from dlrun.training.build import build_parts
from dlrun.training.divergence import Finding, Probe, window_of
from dlrun.training.state import restore
from dlrun.wording import printable

FOLDERS = ("repro", "capsule")  # `capsule` is the name in run folders of 0.1.0


def replay(config: RunConfig, catalog: Catalog, folder: Path) -> tuple[int, Finding | None]:
    """Repeat the step that a run stored when it diverged; return its number and what is not finite, if anything is.

    Raises ConfigError if the run stored no such step, StorageError if the stored state is damaged.
    """
    stored = next((folder / name for name in FOLDERS if (folder / name).is_dir()), None)
    if stored is None:
        what = "This run has no folder repro/: a run writes it when its training diverges."
        raise ConfigError(Problem(printable(str(folder)), what))
    snapshot = load_snapshot(stored)
    parts = build_parts(config, catalog)
    parts.task.prepare(parts.data)
    parts.task.train()
    state = build_state(config, catalog, parts)
    progress = restore(snapshot, state)
    probe = Probe(state)
    with probe.watching(), parts.device.autocast():
        return snapshot.step + 1, probe.take(window_of(snapshot.tensors["batch"], parts.device.torch), progress)
