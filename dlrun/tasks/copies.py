"""Copies of a task, to be tried or trained apart from it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from torch import nn

_Module = TypeVar("_Module", bound=nn.Module)


def copy_of(module: _Module, shared: dict[int, Any] | None = None) -> _Module:
    """Return a deep copy of a task or model.

    shared: what the copy has in common with it, by identity; left as it is. On a GPU, cuDNN wants the weights of a
    recurrent layer to follow each other in memory, as they do in the original and not in a plain copy; without, every
    call warns.
    """
    original = {id(parameter) for parameter in module.parameters()}
    copied = copy.deepcopy(module, None if shared is None else dict(shared))
    for each in copied.modules():
        if isinstance(each, nn.RNNBase) and not any(id(parameter) in original for parameter in each.parameters()):
            each.flatten_parameters()  # it moves weights to new memory, which those of the original must not
    return copied
