"""Which modules of a sharded model are put together for their forward and backward pass, and taken apart again after.

The rule, by size: going down from the model, the first module that holds at most an eighth of the weights is a block,
such as a layer of a transformer; so is a single layer that holds more. Modules with less than a hundredth of the
weights are left to the module around them, and so are those with a weight that is used while they do not run. A module
of torch.nn that has layers inside is never opened, since it may read their weights without calling them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import nn

_MOST = 8  # a block holds at most 1/8 of the weights, unless it is a single layer
_LEAST = 100  # and at least 1/100
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)  # have no forward pass


def blocks_of(model: nn.Module, running: Mapping[int, frozenset[int]] | None = None) -> list[nn.Module]:
    """Return the blocks of a model, inner ones before outer ones; the last is the model with what is left.

    running: for each weight the modules that run in all of its uses, both by identity; None if that is not known.
    """
    total = _size(model)
    owners = _owners(model)
    known = running or {}
    blocks: list[nn.Module] = []

    def visit(module: nn.Module) -> int:
        """Choose the blocks in a module; return how many of its weights they hold."""
        size = _size(module)
        if size * _LEAST < total:
            return 0
        may_be = not isinstance(module, _CONTAINERS) and not _shares(module, owners) and _runs(module, known)
        if may_be and (size * _MOST <= total or not _opens(module)):
            blocks.append(module)
            return size
        held = sum(visit(child) for child in module.children() if child not in blocks) if _opens(module) else 0
        if may_be and (size - held) * _LEAST >= total:
            blocks.append(module)
            return size
        return held

    if _opens(model):
        for child in model.children():
            visit(child)
    return [*blocks, model]


def largest_block(model: nn.Module) -> int:
    """Return the most bytes that one block's weights have, of those that it doesn't leave to blocks inside it."""
    taken: set[int] = set()
    largest = 0
    for block in blocks_of(model):
        own = {id(each): each.nbytes for each in block.parameters() if id(each) not in taken}
        taken |= set(own)
        largest = max(largest, sum(own.values()))
    return largest


def _opens(module: nn.Module) -> bool:
    """Whether layers inside a module may be blocks of their own."""
    if next(module.children(), None) is None:
        return False
    return isinstance(module, nn.Sequential | nn.ModuleList | nn.ModuleDict) or not _is_of_torch(module)


def _is_of_torch(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.nn.")


def _size(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def _owners(model: nn.Module) -> dict[int, set[int]]:
    """The modules that hold each parameter themselves, by identity: several for a weight that is shared."""
    owners: dict[int, set[int]] = defaultdict(set)
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners[id(parameter)].add(id(module))
    return owners


def _runs(module: nn.Module, running: Mapping[int, frozenset[int]]) -> bool:
    """Whether a module runs in all known uses of its weights."""
    return all(id(module) in running.get(id(each), (id(module),)) for each in module.parameters())


def _shares(module: nn.Module, owners: dict[int, set[int]]) -> bool:
    """Whether a weight of a module also belongs to another one outside of it."""
    inside = {id(each) for each in module.modules()}
    return any(not owners[id(each)] <= inside for each in module.parameters())
