"""Repeat the step at which a training diverged."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.run import build_state
from dlrun.storage.checkpoint_format import load_snapshot
from dlrun.training.build import build_components
from dlrun.training.divergence import Finding, Probe, batches_of
from dlrun.training.state import restore
from dlrun.wording import printable

FOLDERS = ("repro", "capsule")  # `capsule` is the name in run folders of 0.1.0


def replay(config: RunConfig, catalog: Catalog, folder: Path) -> tuple[int, Finding | None]:
    """Repeat the step that a run stored when it diverged; return its number and what is not finite, if anything is.

    Raises ConfigError if the run stored no such step, StorageError if the stored state is damaged.
    """
    stored = next((folder / name for name in FOLDERS if (folder / name).is_dir()), None)
    if stored is None:
        what = f"This run has no step to replay: only a run that diverged writes one, to {FOLDERS[0]}/."
        raise ConfigError(Problem(printable(str(folder)), what))
    snapshot = load_snapshot(stored)
    components = build_components(config, catalog)
    config = components.config
    components.task.prepare(components.data)
    components.task.train()
    state = restore(snapshot, build_state(config, catalog, components))
    probe = Probe(state)
    batches = batches_of(snapshot.tensors["batch"], components.device.torch)
    with probe.attached(), components.device.autocast():
        return snapshot.step + 1, probe.take_step(batches)
