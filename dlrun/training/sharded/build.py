"""Build a model of which each process keeps a part: on the CPU, and never whole on the device."""

from __future__ import annotations

from dataclasses import replace

import torch

from dlrun.configuration.threads import Work
from dlrun.optim.distributed.sharding import Sharding
from dlrun.tasks.task import Task
from dlrun.training.fitting import Fitting
from dlrun.training.memory import Memory
from dlrun.training.preflight import check_task
from dlrun.training.sample_step import longest_rows
from dlrun.training.sharded.memory import builds_in_turns
from dlrun.training.sharded.strategy import take_turns
from dlrun.training.sharded.weight_uses import layers_of_weights
from dlrun.training.work import work_of


def build_sharded(fitting: Fitting, weighed: Memory | None) -> tuple[Task, Memory, Work]:
    """Return the task, checked and sharded, what it needs, and the work of a step; a call of all processes together.

    Its weights are those of a process alone with the same seed. fitting: on the device. weighed: what `check_weights`
    returned; if all processes of a machine would need more than half of its memory, they build one after another.
    Raises ConfigError as `Fitting.build` and `Fitting.check` do, or if a parameter cannot be cut.
    """
    group, device = fitting.device.group, fitting.device.torch
    sharding = Sharding(group, device)
    in_turns = weighed is not None and builds_in_turns(weighed, group)
    built = None
    for is_own in take_turns(group) if in_turns else [True]:
        if is_own:
            built = _cut(fitting, weighed, sharding)
        group.wait()
    if built is None:
        raise TypeError("This process had no turn to build the model.")
    group.shards = sharding.join(built[0])
    return built


def _cut(fitting: Fitting, weighed: Memory | None, sharding: Sharding) -> tuple[Task, Memory, Work]:
    host = torch.device("cpu")
    on_host = replace(fitting, data=fitting.data.to(host), device=replace(fitting.device, torch=host))
    task = on_host.build(weighed)
    check_task(task, on_host.data, fitting.config, files=fitting.files)
    memory = on_host.check(task, weighed)
    rows = longest_rows(on_host.data, fitting.config)
    work = work_of(task, on_host.data, fitting.config, fitting.device, files=fitting.files)
    sharding.cut(task.param_groups(), layers_of_weights(task, rows))
    return task, memory, work
