"""Draw random numbers for the whole batch, of which each process takes those of its rows.

A single process draws a mask of dropout for all rows of a batch. If each of several drew one for its own rows alone,
the masks would be others, and the random states of the processes would differ from then on. So each draws the numbers
of all rows, which costs little beside a forward pass, and keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.layout import Layout, Multiple, empty_for, layout_of, order_in_memory

_aten = torch.ops.aten
_IN_PLACE = frozenset(
    (
        *(_aten.bernoulli_, _aten.normal_, _aten.uniform_, _aten.exponential_, _aten.geometric_, _aten.cauchy_),
        *(_aten.log_normal_, _aten.random_),
    )
)
_LIKE_ARGUMENT = frozenset(
    (_aten.bernoulli, _aten.normal, _aten.rand_like, _aten.randn_like, _aten.randint_like, _aten.native_dropout)
)
_OF_SIZE = frozenset((_aten.rand, _aten.randn, _aten.randint, _aten.normal))


class Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode in which random operations of torch give this process's rows of what is drawn for the whole batch.

    Where the rows are not to be seen in what is drawn, it is drawn as if the process were alone, and the group's
    `drew_by_shape` says that random states may differ.
    """

    def __init__(self, group: Group) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._group = group
        self.has_rows = False  # of the function that draws: whether its argument depends on the rows
        self.multiple: Multiple | None = None  # as in `layout_of`
        self._number = 0  # of the draw within the step
        self._orders: dict[int, list[int]] = {}  # of dimensions in memory, in steps where they could be seen
        self._dims: dict[int, int] = {}  # of the rows, in the same way

    def begin(self) -> None:
        """Get ready for a step on the group's part of a batch."""
        self._number = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip the compiler, torch would import it, which takes seconds

    def mask(self, inputs: Tensor, keep: float) -> Tensor | None:
        """Return what dropout multiplies these rows by, as torch draws it on the CPU; None without a row in sight."""
        self._number += 1
        layout = self._layout(inputs.shape)
        if layout is None:
            return None
        whole = empty_for(layout, inputs, self._order(torch.empty_like(inputs), layout))
        return layout.own(whole.bernoulli_(keep).div_(keep)).reshape(inputs.shape)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        self._number += 1
        draw = self._method_for(func)
        layout = None if draw is None else self._layout(_shape_of(func, args))
        if draw is None or layout is None:
            self._group.drew_by_shape = True
            return func(*args, **kwargs)
        return draw(func, layout, args, kwargs)

    def _layout(self, shape: Sequence[int]) -> Layout | None:
        part = self._group.part
        if part is None:
            return None
        found = layout_of(shape, part, has_rows=self.has_rows, multiple=self.multiple)
        if found is not None and found.blocks == 1:
            if len(shape) < 3 or shape[0] != shape[1]:
                self._dims[self._number] = found.dim
            elif self._dims.get(self._number) == 1:  # in earlier steps the second dimension had the rows
                found = replace(found, dim=1)
        return found

    def _method_for(self, func: Any) -> Callable[..., Any] | None:
        packet = func.overloadpacket
        if packet in _OF_SIZE and _place_of_size(func) is not None:
            return self._sized
        if packet in _IN_PLACE:
            return self._in_place
        return self._like if packet in _LIKE_ARGUMENT else None

    def _in_place(self, func: Any, layout: Layout, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        target: Tensor = args[0]
        whole = func(*self._for_all_rows(args, layout), **kwargs)
        own = layout.own(whole)
        return target.copy_(own.reshape(target.shape))

    def _like(self, func: Any, layout: Layout, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if func.overloadpacket is _aten.native_dropout:
            return self._dropped(func, layout, args)
        whole = func(*self._for_all_rows(args, layout), **kwargs)
        own: Tensor = layout.own(whole).reshape(_shape_of(func, args)).clone()
        return own

    def _sized(self, func: Any, layout: Layout, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        shape, place = _shape_of(func, args), _place_of_size(func) or 0
        whole = func(*args[:place], layout.whole_shape(shape), *args[place + 1 :], **kwargs)
        own: Tensor = layout.own(whole).reshape(shape).clone()
        return own

    def _dropped(self, func: Any, layout: Layout, args: Sequence[Any]) -> tuple[Tensor, Tensor]:
        """What `native_dropout` returns on a GPU: the rows that are left, multiplied, and the mask."""
        inputs, probability, train = args
        ones = self._for_all_rows([torch.ones_like(inputs)], layout)[0].fill_(1)
        factors, mask = (layout.own(each).reshape(inputs.shape).clone() for each in func(ones, probability, train))
        return inputs * factors, mask

    def _for_all_rows(self, args: Sequence[Any], layout: Layout) -> list[Any]:
        """Replace each tensor that has the rows by one of all rows: ones, and this process's rows in their place."""
        shape = next(each.shape for each in args if isinstance(each, Tensor))
        found: list[Any] = []
        for argument in args:
            if isinstance(argument, Tensor) and argument.shape == shape:
                whole = empty_for(layout, argument, self._order(argument, layout)).fill_(1)
                layout.fill(whole, argument)
                found.append(whole)
            else:
                found.append(argument)
        return found

    def _order(self, tensor: Tensor, layout: Layout) -> list[int]:
        """The order in memory; of a single row, whose place cannot be seen, as it was in an earlier step."""
        order = order_in_memory(tensor)
        if layout.count > 1:
            self._orders[self._number] = order
            return order
        earlier = self._orders.get(self._number, order)
        return earlier if len(earlier) == len(order) else order


def _place_of_size(func: Any) -> int | None:
    """Which argument of an operation is the shape of what it returns; None if none is."""
    return next((number for number, each in enumerate(func._schema.arguments) if each.name == "size"), None)


def _shape_of(func: Any, args: Sequence[Any]) -> list[int]:
    """The shape of what an operation draws: as it is told, or as the first tensor that it is given."""
    place = _place_of_size(func)
    if place is not None:
        return list(args[place])
    return list(next(each.shape for each in args if isinstance(each, Tensor)))
