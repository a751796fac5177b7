"""What each of several processes needs that train one model: all of it, or a part."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from dlrun.optim.distributed.blocks import largest_block
from dlrun.optim.distributed.group import Group
from dlrun.tasks.task import Task
from dlrun.training.memory import Memory


def with_whole_model(memory: Memory, group: Group) -> Memory:
    """Return what a process needs that has a copy of the model; memory: of one that trains alone.

    Gradients are there twice, since they are summed in a tensor of their own. The first process writes checkpoints, so
    that on the CPU each process has its share of what they need, as of what is free.
    """
    if group.is_alone:
        return memory
    return replace(_on_this_machine(memory, group), gradients=2 * memory.gradients)


def with_part(memory: Memory, task: Task, group: Group) -> Memory:
    """Return what a process needs that has a part of the model; memory: of one that trains alone.

    One block is whole at a time, in the backward pass with its gradients. The task itself is built whole on the CPU, in
    one process of a machine at a time if all of them would not fit.
    """
    blocks = [largest_block(module) for module in task.param_groups().values()]
    parts = {name: -(-getattr(memory, name) // group.size) for name in ("weights", "gradients", "states", "average")}
    copies = 2 * _largest_parameter(task)  # of the tensor that is being written
    return replace(
        _on_this_machine(replace(memory, checkpoint=copies), group),
        **parts,
        gathered=2 * max(blocks),
        built=memory.weights,
        is_part=True,
    )


def builds_in_turns(memory: Memory, group: Group) -> bool:
    """Return whether the processes of a machine build the whole model one after another, for want of memory.

    memory: what each needs. The first process decides for all.
    """
    found: bool = group.from_first(2 * memory.built * group.local_size > memory.free_on_host)
    return found


def _on_this_machine(memory: Memory, group: Group) -> Memory:
    """Return what is free for one process of a machine, whose memory they share; a GPU belongs to one process."""
    memory = replace(memory, processes=group.size)
    if not memory.is_on_cpu:
        return memory
    return replace(memory, free=memory.free // group.local_size, checkpoint=-(-memory.checkpoint // group.local_size))


def _largest_parameter(task: nn.Module) -> int:
    return max(each.nbytes for each in task.parameters())
