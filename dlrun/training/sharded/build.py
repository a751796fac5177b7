"""Build a model of which each process keeps a part: on the CPU, and never whole on the device."""

from __future__ import annotations

from dataclasses import replace

import torch

from dlrun.configuration.threads import Work
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.sharding import Sharding
from dlrun.tasks.task import Task
from dlrun.training.memory import Memory
from dlrun.training.memory_check import MemoryCheck
from dlrun.training.preflight import check_task
from dlrun.training.sample_step import longest_rows
from dlrun.training.sharded.memory import builds_in_turns
from dlrun.training.sharded.weight_uses import layers_of_weights
from dlrun.training.work import work_of


def build_sharded(check: MemoryCheck, estimate: Memory | None) -> tuple[Task, Memory, Work]:
    """Return the task, checked and sharded, what it needs, and the work of a step; a call of all processes together.

    Its weights are those of a process alone with the same seed. check: on the device. estimate: what `check_weights`
    returned; if all processes of a machine would need more than half of its memory, they build one after another.
    Raises ConfigError as `MemoryCheck.build` and `MemoryCheck.check_batches` do, or if a parameter cannot be cut.
    """
    group, device = check.device.group, check.device.torch
    sharding = Sharding(group, device)
    in_turns = estimate is not None and builds_in_turns(estimate, group)
    built = None
    for is_own in own_rounds(group) if in_turns else [True]:
        if is_own:
            built = _cut(check, estimate, sharding)
        group.wait()
    if built is None:
        raise TypeError("This process had no turn to build the model.")
    group.shards = sharding.join(built[0])
    return built


def own_rounds(group: Group) -> list[bool]:
    """Return for each round whether it is this process's turn; as many rounds in all processes."""
    rounds = max(int(each) for each in group.gathered(group.local_size))
    return [number == group.local_rank for number in range(rounds)]


def _cut(check: MemoryCheck, estimate: Memory | None, sharding: Sharding) -> tuple[Task, Memory, Work]:
    host = torch.device("cpu")
    on_host = replace(check, data=check.data.to(host), device=replace(check.device, torch=host))
    task = on_host.build(estimate)
    check_task(task, on_host.data, check.config, files=check.files)
    memory = on_host.check_batches(task, estimate)
    rows = longest_rows(on_host.data, check.config)
    work = work_of(task, on_host.data, check.config, check.device, files=check.files)
    sharding.cut(task.param_groups(), layers_of_weights(task, rows))
    return task, memory, work
