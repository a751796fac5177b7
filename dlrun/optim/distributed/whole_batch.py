"""A forward pass on some rows of a batch that gives what they get in a pass on the whole batch.

Most layers treat each row by itself. Two kinds do not: batch normalisation, and whatever draws random numbers. Both are
found where a model calls torch, so that models, also those of plugins, need not know that they have only some rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlrun.data.loading.shard import BatchPart
from dlrun.optim.distributed.batch_norm import batch_norm
from dlrun.optim.distributed.draws import Draws
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.layout import Multiple

Functions = frozenset[Callable[..., Any]]

_OF_ROWS: Functions = frozenset(  # what they draw is for each number of their first argument
    [
        *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout, F.gumbel_softmax),
        *(torch.dropout, torch.dropout_, torch.alpha_dropout, torch.alpha_dropout_, torch.feature_dropout),
        *(torch.feature_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_, torch.native_dropout),
        *(torch.rand_like, torch.randn_like, torch.randint_like, torch.bernoulli, Tensor.bernoulli),
        *(Tensor.bernoulli_, Tensor.normal_, Tensor.uniform_, Tensor.exponential_, Tensor.geometric_, Tensor.cauchy_),
        *(Tensor.log_normal_, Tensor.random_),
    ]
)
_OF_SIZE: Functions = frozenset([torch.rand, torch.randn, torch.randint, torch.normal])
_BY_SHAPE: Functions = frozenset(  # how much they draw depends on more than a shape
    [
        *(F.rrelu, F.fractional_max_pool2d, F.fractional_max_pool3d, torch.randperm, torch.multinomial, torch.poisson),
        *(torch.binomial, Tensor.multinomial, torch._standard_gamma, torch._sample_dirichlet),
    ]
)
_WITH_DROPOUT: Functions = frozenset(  # they draw only if a probability above 0 is among their arguments
    [
        *(F.scaled_dot_product_attention, F.multi_head_attention_forward),
        *(torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu),
    ]
)
_JOINING: Functions = frozenset([torch.cat, torch.concat, torch.concatenate, Tensor.repeat])
_RESHAPING: Functions = frozenset([torch.flatten, torch.reshape, Tensor.flatten, Tensor.reshape, Tensor.view])
_SPREADING: Functions = frozenset([torch.repeat_interleave, Tensor.repeat_interleave])
_DROPOUT = {"input": None, "p": 0.5, "training": True, "inplace": False}
_BATCH_NORM: Mapping[Callable[..., Any], Sequence[str]] = {
    F.batch_norm: ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    torch.batch_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps", "cudnn_enabled"),
    ),
}


class WholeBatch(TorchFunctionMode):
    """The mode of such a pass.

    sees_calls: whether calls of torch are looked at, which takes a few microseconds each; without, the group is only
    told which rows a pass has.
    """

    def __init__(self, group: Group, *, sees_calls: bool = True) -> None:
        super().__init__()
        self._sees_calls = sees_calls
        self._group = group
        self._draws = Draws(group)
        self._multiple: Multiple | None = None  # how tensors with several rows for each of the batch were made

    @contextmanager
    def of(self, part: BatchPart) -> Iterator[None]:
        """A context for a step of training on these rows of the batch."""
        self._group.part = part
        self._draws.begin()
        self._multiple = None
        try:
            with self if self._sees_calls else nullcontext():
                yield
        finally:
            self._group.part = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        method = _METHODS.get(func)
        if method is not None:
            return method(self, func, args, kwargs or {})
        return func(*args, **kwargs) if kwargs else func(*args)

    def _dropped(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The usual dropout on the CPU, which is common enough to be quick."""
        given = {**_DROPOUT, **dict(zip(_DROPOUT, args, strict=False)), **kwargs}
        inputs, rate = given["input"], given["p"]
        if inputs.device.type != "cpu" or not given["training"] or not 0 < rate < 1:
            return self._drawn(func, args, kwargs)
        self._draws.has_rows, self._draws.multiple = True, self._multiple
        mask = None if isinstance(inputs, nn.Parameter) else self._draws.mask(inputs, 1 - rate)
        if mask is None:
            return self._drawn(func, args, kwargs)
        return inputs.mul_(mask) if given["inplace"] else inputs * mask

    def _drawn(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if func in _WITH_DROPOUT and not _has_probability((*args, *kwargs.values())):
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("input")
        if isinstance(first, nn.Parameter):  # noise of a weight, which all rows share
            self._group.drew_by_shape = True
            return func(*args, **kwargs)
        draws = self._draws
        draws.has_rows = isinstance(first, Tensor)
        draws.multiple = self._multiple
        if func is F.multi_head_attention_forward:
            draws.multiple = "flattened"  # inside, attention is (B * heads, T, T)
        with draws:
            return func(*args, **kwargs)

    def _shaped(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call what may make a tensor with several rows for each of the batch, and remember how they lie."""
        made, part = func(*args, **kwargs), self._group.part
        first = args[0] if args else kwargs.get("input", kwargs.get("tensors"))
        before = first[0] if isinstance(first, list | tuple) and first else first
        if part is None or not isinstance(before, Tensor) or not before.ndim or made.ndim == 0:
            return made
        count = part.num_present
        times, rest = divmod(made.shape[0], count)
        if rest or times < 2:
            return made
        if before.shape[0] == count and (func not in _RESHAPING or times == before.shape[1]):
            self._multiple = "flattened" if func in _RESHAPING or func in _SPREADING else "blocks"
        elif func in _RESHAPING and before.shape[:2] == (times, count):
            self._multiple = "blocks"
        return made

    def _normalised(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        given = {**dict(zip(_BATCH_NORM[func], args, strict=False)), **kwargs}
        if not given.pop("training", False):
            return func(*args, **kwargs)
        given.pop("cudnn_enabled", None)
        given = {"momentum": 0.1, "eps": 1e-5, **given}
        return batch_norm(given.pop("input"), **given, group=self._group)


def _has_probability(values: Sequence[Any]) -> bool:
    return any(isinstance(value, float) and value > 0 for value in values)


_METHODS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    **dict.fromkeys(_OF_ROWS | _OF_SIZE | _BY_SHAPE | _WITH_DROPOUT, WholeBatch._drawn),
    **dict.fromkeys(_JOINING | _RESHAPING | _SPREADING, WholeBatch._shaped),
    **dict.fromkeys(_BATCH_NORM, WholeBatch._normalised),
    F.dropout: WholeBatch._dropped,
}
"""What the mode does where these are called; everything else is called as it is."""
