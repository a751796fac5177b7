"""The losses of the first steps of a training: a fingerprint of data, model, optimizer and arithmetic in seconds."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs import environment
from dlrun.runs.run import build_state
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.training.build import Components, build_components
from dlrun.training.divergence import steps_after
from dlrun.training.step import take_step
from dlrun.training.trainer import Trainer

STEPS = 10


def first_losses(
    config: RunConfig, catalog: Catalog, *, steps: int = STEPS, check: Callable[[Components], None] | None = None
) -> tuple[Components, dict[str, list[float]]]:
    """Train the first steps and write nothing; return what was built, and each loss by step.

    Training starts as `runs.run.train` starts it, without evaluating between epochs. Fewer steps are taken if the
    training has fewer. check: receives what was built before the first step, and may raise.
    """
    components = build_components(config, catalog)
    config = components.config
    components.task.prepare(components.data)
    if check is not None:
        check(components)
    with tempfile.TemporaryDirectory() as folder:  # a trainer needs a store; nothing is saved
        state = build_state(config, catalog, components)
        trainer = Trainer(config, components, state, store=CheckpointStore(Path(folder)), metadata={})
        found: dict[str, list[float]] = {}
        most = min(steps, trainer.horizon.total_steps)
        components.task.train()
        with components.device.autocast():
            for batches in itertools.islice(steps_after(trainer, state), most):
                seen: list[dict[str, Tensor]] = []
                take_step(state, batches, train_step=components.task.train_step, on_metrics=seen.append)
                for name in seen[0]:  # the mean over the batches of a step
                    found.setdefault(name, []).append(sum(each[name].item() for each in seen) / len(seen))
    return components, found


def environment_of(components: Components) -> dict[str, Any]:
    """Return the environment of what was built, as a result describes it."""
    numeric = environment.collect_numeric(components.device.threads, str(components.device.torch))
    found = environment.describe_run(numeric, device_settings=components.config.tree["device"])
    return {**found, "cores": components.device.cores}
