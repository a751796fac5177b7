"""Which function takes the training step of a run: the task's own, or that step captured as a CUDA graph."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from dlrun.configuration.run_config import RunConfig
from dlrun.data.spec import Batch
from dlrun.optim.device import synchronise
from dlrun.tasks.task import Update
from dlrun.training.build import Components
from dlrun.training.graphs.captured import GraphedStep
from dlrun.training.graphs.reasons import reason_against
from dlrun.training.state import TrainingState
from dlrun.training.step import TrainStep
from dlrun.wording import duration

Tell = Callable[[str], None]
"""Tell the user a sentence about the run."""


def choose_step(
    config: RunConfig,
    components: Components,
    state: TrainingState,
    own: TrainStep,
    *,
    steps: int,
    measured: bool,
    tell: Tell,
) -> TrainStep:
    """Return the function that takes a step, and tell why it is not captured where one could expect it.

    own: the task's own step, which is `measured` if each of its phases is. steps: of the whole run.
    """
    settings, device = config.device_settings, components.device.torch
    if settings.compile:
        own = FirstUse(own, device=device, tell=tell)
    why = reason_against(config, components, state, steps=steps)
    if why is None and measured:
        why = "--profile measures the phases of a step, which a graph runs as one"
    if why is None:
        rows = min(config.trainer.batch_size, len(components.data.train))
        return GraphedStep(state.task, state.updater, device=device, rows=rows, tell=tell)
    if settings.graphs == "on" or (settings.graphs == "auto" and device.type == "cuda"):
        tell(f"CUDA graphs are not used: {why}.")
    return own


class FirstUse:
    """A training step that tells how long its first call took, in which torch.compile compiles the model."""

    def __init__(self, step: TrainStep, *, device: torch.device, tell: Tell) -> None:
        self._step, self._device, self._tell = step, device, tell
        self._is_first = True

    def __call__(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        if not self._is_first:
            return self._step(batch, update)
        self._is_first = False
        synchronise(self._device)
        started = time.perf_counter()
        found = self._step(batch, update)
        synchronise(self._device)
        spent = duration(time.perf_counter() - started)
        self._tell(
            f"torch.compile compiled the model in the first step, which took {spent}; a batch of another size and the "
            "first evaluation compile it again."
        )
        return found
