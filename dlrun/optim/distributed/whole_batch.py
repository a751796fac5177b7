"""A forward pass on some rows of a batch that gives what they get in a pass on the whole batch.

Most layers treat each row by itself. Two kinds do not: batch normalisation, and whatever draws random numbers. Both are
found where a model calls torch, so that models, also those of plugins, need not know that they have only some rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dlrun.data.loading.shard import BatchPart
from dlrun.optim.distributed.batch_norm import batch_norm
from dlrun.optim.distributed.draws import Draws
from dlrun.optim.distributed.group import Group

_OF_ROWS = frozenset(  # what they draw is for each number of their first argument
    [
        *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout, F.gumbel_softmax),
        *(torch.dropout, torch.dropout_, torch.alpha_dropout, torch.alpha_dropout_, torch.feature_dropout),
        *(torch.feature_dropout_, torch.feature_alpha_dropout, torch.feature_alpha_dropout_, torch.native_dropout),
        *(torch.rand_like, torch.randn_like, torch.randint_like, torch.bernoulli, Tensor.bernoulli),
        *(Tensor.bernoulli_, Tensor.normal_, Tensor.uniform_, Tensor.exponential_, Tensor.geometric_, Tensor.cauchy_),
        *(Tensor.log_normal_, Tensor.random_),
    ]
)
_OF_SIZE = frozenset([torch.rand, torch.randn, torch.randint, torch.normal])
_BY_SHAPE = frozenset(  # how much they draw depends on more than a shape
    [
        *(F.rrelu, F.fractional_max_pool2d, F.fractional_max_pool3d, torch.randperm, torch.multinomial, torch.poisson),
        *(torch.binomial, Tensor.multinomial, torch._standard_gamma, torch._sample_dirichlet),
    ]
)
_WITH_DROPOUT = frozenset(  # they draw only if a probability above 0 is among their arguments
    [
        *(F.scaled_dot_product_attention, F.multi_head_attention_forward),
        *(torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu),
    ]
)
_JOINING = frozenset([torch.cat, torch.concat, torch.concatenate, Tensor.repeat])
_RESHAPING = frozenset([torch.flatten, torch.reshape, Tensor.flatten, Tensor.reshape, Tensor.view])
_SPREADING = frozenset([torch.repeat_interleave, Tensor.repeat_interleave])
_SHAPING = _JOINING | _RESHAPING | _SPREADING
_DRAWING = _OF_ROWS | _OF_SIZE | _BY_SHAPE | _WITH_DROPOUT
_BATCH_NORM = frozenset([F.batch_norm, torch.batch_norm])


class WholeBatch(TorchFunctionMode):
    """The mode of such a pass."""

    def __init__(self, group: Group) -> None:
        super().__init__()
        self._group = group
        self._draws = Draws(group)
        self._is_flattened = False

    @contextmanager
    def of(self, part: BatchPart) -> Iterator[None]:
        """A context for a step of training on these rows of the batch."""
        self._group.part = part
        self._draws.begin()
        self._is_flattened = False  # of tensors with several rows for each of the batch: whether these are neighbours
        try:
            with self:
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
        kwargs = kwargs or {}
        if func in _DRAWING:
            return self._drawn(func, args, kwargs)
        if func in _BATCH_NORM:
            return self._normalised(func, args, kwargs)
        if func in _SHAPING:
            return self._shaped(func, args, kwargs)
        return func(*args, **kwargs)

    def _drawn(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if func in _WITH_DROPOUT and not _has_probability((*args, *kwargs.values())):
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("input")
        if isinstance(first, nn.Parameter):  # noise of a weight, which all rows share
            self._group.drew_by_shape = True
            return func(*args, **kwargs)
        draws = self._draws
        draws.has_rows = isinstance(first, Tensor)
        draws.is_flattened = self._is_flattened or func is F.multi_head_attention_forward  # inside, (B * heads, T, T)
        with draws:
            return func(*args, **kwargs)

    def _shaped(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call what may make several rows of each row, and remember whether these are neighbours."""
        made, part = func(*args, **kwargs), self._group.part
        count = 1 if part is None else part.present.stop - part.present.start
        if made.ndim and made.shape[0] > count and made.shape[0] % count == 0:
            before = args[0] if args and isinstance(args[0], Tensor) else made
            is_split = func in _RESHAPING and before.ndim > 0 and before.shape[0] == count
            self._is_flattened = is_split or func in _SPREADING
        return made

    def _normalised(self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        given = {**dict(zip(_ARGUMENTS[func], args, strict=False)), **kwargs}
        if not given.pop("training", False):
            return func(*args, **kwargs)
        given.pop("cudnn_enabled", None)
        given = {"momentum": 0.1, "eps": 1e-5, **given}
        return batch_norm(given.pop("input"), **given, group=self._group)


_ARGUMENTS: Mapping[Callable[..., Any], Sequence[str]] = {
    F.batch_norm: ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    torch.batch_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps", "cudnn_enabled"),
    ),
}


def _has_probability(values: Sequence[Any]) -> bool:
    return any(isinstance(value, float) and value > 0 for value in values)
