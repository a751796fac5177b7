"""Shard a task's parameters over the processes of a group: each holds a part of every parameter, gradient and state.

It is torch's FSDP2 (`fully_shard`): before a block runs, forward and backward, its parameters are put together, and
after it they are taken apart; its gradients are summed and shared out at once. Optimizer, average of the weights and
checks see the parts of this process, as plain tensors that share the memory of the parameters.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.errors import ConfigError, Problem
from dlrun.optim.distributed.blocks import blocks_of
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.part import dim_of
from dlrun.optim.distributed.shards import Shards, is_sharded


class Sharding:
    """Shards modules in place: `cut` in one process after another or in all at once, then `join` in all together."""

    def __init__(self, group: Group, device: torch.device) -> None:
        from torch.distributed.device_mesh import init_device_mesh

        self._group, self._device = group, device
        self._mesh = init_device_mesh(device.type, (group.size,))
        self._blocks: list[nn.Module] = []

    def cut(self, groups: Mapping[str, nn.Module], running: Mapping[int, frozenset[int]]) -> None:
        """Keep only this process's parts, on the device, block by block: no module is there as a whole.

        groups: the modules by name, on the CPU, with the same weights in every process. running: as in `blocks_of`.
        Raises ConfigError if a parameter cannot be cut, or is used while its group does not run.
        """
        from torch.distributed.fsdp import fully_shard
        from torch.distributed.tensor import Shard

        check_groups(groups, running)
        allow_scattered_weights()
        size = self._group.size
        for module in groups.values():
            for block in blocks_of(module, running):
                block.register_forward_hook(_without_views)
                made: Any = fully_shard(
                    block,
                    mesh=self._mesh,
                    reshard_after_forward=True,  # also of the outermost, which an evaluation would leave whole
                    shard_placement_fn=lambda each: Shard(dim_of(tuple(each.shape), size)),
                )
                made.set_force_sum_reduction_for_comms(True)  # the losses of the processes are shares of one loss
                made.set_gradient_divide_factor(1.0)
                self._blocks.append(made)

    def join(self, task: nn.Module) -> Shards:
        """Return the parts of a task whose groups are cut; move to the device what is not sharded."""
        shards = Shards(self._group.rank, self._group.size)
        for block in self._blocks:
            _add_parameters(shards, block)
        for module in task.modules():
            for name, buffer in module.named_buffers(recurse=False):
                module._buffers[name] = buffer.to(self._device)
            for parameter in module.parameters(recurse=False):
                if not is_sharded(parameter):
                    parameter.data = parameter.data.to(self._device)
        return shards


def allow_scattered_weights() -> None:
    """Don't let cuDNN warn that weights of a recurrent layer lie apart and that it copies them together at each call.

    FSDP2 gathers each weight into memory of its own, which it frees and fills again. `flatten_parameters`, which the
    warning asks for, would copy as much, into memory that FSDP2 does not fill the next time: the weights would be old.
    """
    warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


def _without_views(module: nn.Module, inputs: Any, output: Any) -> Any:
    """Return the output of a block with tensors of its own: changed in place, a view would lose FSDP2's hook."""
    if not torch.is_grad_enabled():
        return output
    if type(output) is tuple:
        return tuple(_without_views(module, inputs, each) for each in output)
    return output.clone() if isinstance(output, Tensor) and output._base is not None else output


def _add_parameters(shards: Shards, block: Any) -> None:
    """Add the parameters of a block, which is put together once to see what they are then."""
    before = dict(block.named_parameters())
    block.unshard()
    for name, whole in block.named_parameters():
        if not is_sharded(whole):  # those of blocks inside it are
            shards.add(before[name], whole)
    block.reshard()


def check_groups(groups: Mapping[str, nn.Module], running: Mapping[int, frozenset[int]]) -> None:
    """Raise ConfigError if a parameter of the groups cannot be cut, or is used while its group does not run."""
    for name, module in groups.items():
        if isinstance(module, nn.ModuleList | nn.ModuleDict):
            raise _refusal(
                f"The group {name} is a {type(module).__name__}, which has no forward pass: expected a module that is "
                "called as one. Use device.strategy=ddp, or give the group such a module."
            )
        for place, parameter in module.named_parameters():
            if not parameter.ndim:
                raise _refusal(
                    f"The parameter {place} is a single number without dimensions, which cannot be cut into parts; "
                    "give it the shape (1,), or use device.strategy=ddp."
                )
            if id(module) not in running.get(id(parameter), (id(module),)):
                raise _refusal(
                    f"The parameter {place} is used while the {type(module).__name__} that it belongs to does not run, "
                    "so it is not put together then: call that module (`self.model(x)`) instead of a layer inside it, "
                    "or use device.strategy=ddp."
                )


def _refusal(what: str) -> ConfigError:
    return ConfigError(Problem("device.strategy=fsdp", what, id="sharding", fix="device.strategy=ddp"))
