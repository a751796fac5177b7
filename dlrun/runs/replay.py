"""Running the step again at which a training diverged."""

from __future__ import annotations

from pathlib import Path

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem
from dlrun.runs.run import build_state
from dlrun.storage.checkpoint_format import load
from dlrun.training.build import build_components
from dlrun.training.divergence import Finding, Probe, batches_of
from dlrun.training.state import restore
from dlrun.wording import printable

_FOLDERS = ("repro", "capsule")  # the newer name first; runs of earlier versions have the other


def replay(config: RunConfig, catalog: Catalog, folder: Path) -> tuple[int, Finding | None]:
    """Take the step that a diverged run saved again; return its number and what is not finite, None if nothing is.

    Raises ConfigError if the run saved no step, StorageError if it is damaged.
    """
    repro = next((path for name in _FOLDERS if (path := folder / name).is_dir()), None)
    if repro is None:
        raise ConfigError(
            Problem(
                printable(str(folder)),
                f"This run has no step to replay: only a run that diverged writes one, to {_FOLDERS[0]}/.",
            )
        )
    snapshot = load(repro)
    components = build_components(config, catalog)
    components.task.prepare(components.data)
    components.task.train()
    state = restore(snapshot, build_state(config, catalog, components))
    probe = Probe(state)
    batches = batches_of(snapshot.tensors["batch"], components.device.torch)
    with probe.attached(), components.device.autocast():
        return snapshot.step + 1, probe.take_step(batches)
