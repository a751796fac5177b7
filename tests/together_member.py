"""A process of `tests.together.Crews`: it waits for functions to call, which train in its group."""

from __future__ import annotations

import os
import random
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo  # steps of some optimizers import it: here once for all

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.optim.finite import NotFinite
from dlrun.runs.run import build_state
from dlrun.storage.checkpoints import CheckpointStore
from dlrun.tasks import sample_quality
from dlrun.tasks.gan import GanTask
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.tasks.task import SupervisedTask
from dlrun.training.agreement import AgreedStop
from dlrun.training.build import build_components
from dlrun.training.signals import StopRequest
from dlrun.training.trainer import Trainer
from tests.together import Outcome, digest


def work(pipe: Connection, rank: int, size: int, meeting: str) -> None:
    """Join the group and call what comes through the pipe, until it is closed."""
    torch.set_num_threads(1)
    sample_quality._MAX_STEPS = 10  # of the judge of a GAN, which need not be good
    names = {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": 1}
    os.environ.update({name: str(value) for name, value in names.items()}, MASTER_ADDR="localhost")
    if size > 1:
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, function(*args)))
        except BaseException:  # noqa: BLE001 - the other side raises it
            pipe.send((False, f"process {rank} of {size}: {traceback.format_exc()}"))


class _Rows(Listener):
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_step(self, progress: Progress, row: Row) -> None:
        self.rows.append({name: value for name, value in row.items() if name != "seconds"})

    on_epoch = on_step


def train_exactly(config: RunConfig) -> Outcome:
    """Do as `train` in float64, where rounding is too small to matter: what is apart then differs in another way."""
    forward, to_unit = SupervisedTask.forward, GanTask.to_unit
    SupervisedTask.forward = lambda task, batch: forward(task, batch._replace(inputs=_as(task, batch.inputs)))  # type: ignore[method-assign]
    GanTask.to_unit = lambda task, images: to_unit(task, _as(task, images))  # type: ignore[method-assign]
    try:
        return train(config, in_float64=True)
    finally:
        SupervisedTask.forward, GanTask.to_unit = forward, to_unit  # type: ignore[method-assign]


def _as(task: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    return inputs.to(next(task.parameters()).dtype) if inputs.is_floating_point() else inputs


def train(config: RunConfig, plugins: Sequence[Path] = (), *, in_float64: bool = False) -> Outcome:
    """Train a configuration as a member of the group, without the folder of a run."""
    catalog = Catalog(plugins=plugins)
    components = build_components(config, catalog)
    config, group, rows = components.config, components.device.group, _Rows()
    components.task.prepare(components.data)
    if in_float64:
        components.task.double()
    state = build_state(config, catalog, components)
    stop = StopRequest() if group.is_alone else AgreedStop(StopRequest(), group)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            config, components, state, store=CheckpointStore(Path(folder)), metadata={}, listeners=[rows], stop=stop
        )
        torch.set_default_dtype(torch.float64 if in_float64 else torch.float32)  # of what is drawn
        try:
            outcome: str = trainer.fit()
        except NotFinite as error:
            outcome = type(error).__name__
        finally:
            torch.set_default_dtype(torch.float32)
    return Outcome(_tensors(state), _random(), rows.rows, outcome, _plain(state.progress))


def _tensors(state: Any) -> Mapping[str, torch.Tensor]:
    found = {name: each.detach().clone() for name, each in state.task.state_dict().items()}
    if state.ema is not None:
        with state.ema.applied():
            found |= {f"average.{name}": each.detach().clone() for name, each in state.task.state_dict().items()}
    return found


def _random() -> str:
    numpy_state = np.random.get_state(legacy=False)["state"]  # type: ignore[index]
    return digest(
        torch.get_rng_state().numpy().tobytes(), numpy_state["key"].tobytes(), repr(random.getstate()).encode()
    )


def _plain(progress: Progress) -> Mapping[str, Any]:
    return {name: value for name, value in progress.state().items() if not name.endswith("_seconds")}
