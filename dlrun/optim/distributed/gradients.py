"""Sum the gradients of a parameter group over all processes, in one call.

A step computes gradients with `torch.autograd.grad`, which runs none of the hooks of `DistributedDataParallel`. So they
are copied into one flat tensor and summed there; the optimizer reads them from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.wishes import NUM_WISHES


class GradientSum:
    """Sums the gradients of some parameters, whose shapes and strides stay the same.

    On the CPU the same call carries the wishes of the processes.
    """

    def __init__(self, parameters: Sequence[Tensor], group: Group) -> None:
        self._group = group
        self._kinds = list(dict.fromkeys(each.dtype for each in parameters))
        self._on_cpu = parameters[0].device.type == "cpu"
        self._flats: dict[torch.dtype, Tensor] = {}
        self._views: list[Tensor] = []
        self._known_absent: frozenset[int] | None = None
        extra = len(parameters) + (NUM_WISHES if self._on_cpu else 0)
        sizes = {kind: sum(each.numel() for each in parameters if each.dtype == kind) for kind in self._kinds}
        for number, (kind, size) in enumerate(sizes.items()):
            self._flats[kind] = torch.zeros(
                size + (extra if not number else 0), dtype=kind, device=parameters[0].device
            )
        starts = dict.fromkeys(self._kinds, 0)
        for each in parameters:
            flat, start = self._flats[each.dtype], starts[each.dtype]
            self._views.append(torch.as_strided(flat, each.shape, each.stride(), start))
            starts[each.dtype] += each.numel()
        first = self._flats[self._kinds[0]]
        self._present = first[sizes[self._kinds[0]] : sizes[self._kinds[0]] + len(parameters)]
        self._wishes = first[sizes[self._kinds[0]] + len(parameters) :]

    def __call__(self, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Return the sum of each gradient over all processes; None where no process has one."""
        if self._group.is_alone:  # since it has left
            return list(gradients)
        absent = [number for number, each in enumerate(gradients) if each is None]
        for number in absent:
            self._views[number].zero_()
        torch._foreach_copy_(
            [view for view, each in zip(self._views, gradients, strict=True) if each is not None],
            [each for each in gradients if each is not None],
        )
        self._present.fill_(1.0)
        for number in absent:
            self._present[number] = 0.0
        if self._on_cpu:
            self._wishes.copy_(torch.tensor(self._group.wishes.own(), dtype=self._wishes.dtype))
        for flat in self._flats.values():
            self._group.add(flat)
        if self._on_cpu:
            self._group.wishes.hear(self._wishes.tolist())
        if not absent:
            return list(self._views)
        missing = self._absent_everywhere(absent)
        return [None if number in missing else view for number, view in enumerate(self._views)]

    def _absent_everywhere(self, absent: list[int]) -> frozenset[int]:
        """Which gradients no process has. On a GPU they are read once, since reading waits for the device."""
        if self._on_cpu or self._known_absent is None:
            present = self._present.tolist()
            self._known_absent = frozenset(number for number in absent if not present[number])
        return self._known_absent
