"""A recurrent network over time steps, the tokens of a text, or the rows of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Depth, Fraction, Init, NonNegative, Positive, Width
from dlrun.data.spec import DataSpec, Kind
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import initialise
from dlrun.tasks.goals import goal_of, num_logits

_CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def rnn(
    spec: DataSpec,
    *,
    cell: Literal["rnn", "gru", "lstm"],
    hidden: Width,
    layers: Depth,
    bidirectional: bool,
    pool: Literal["last", "mean", "max", "attention"],
    dropout: Fraction,
    embedding_dropout: Fraction,
    embedding: Width,
    embedding_std: Positive,
    forget_bias: NonNegative,
    init: Init,
) -> nn.Module:
    """Recurrent network, (B, T, F) numbers, (B, T) tokens or (B, C, H, W) images read row by row -> (B, K).

    A language model returns logits at every step, (B, T, K).
    Elman 1990 (rnn), Hochreiter and Schmidhuber 1997 (lstm), Cho et al. 2014 (gru); attention over the states after
    Yang et al. 2016; a bias of 1 for forget gates after Jozefowicz, Zaremba and Sutskever 2015.
    Raises ConfigError if rows have no order, or if a language model is bidirectional.
    """
    if spec.kind == "dense":
        raise ConfigError(
            Problem(
                "model=rnn",
                f"A recurrent network reads steps in order, but this dataset has {spec.describe()}, and its features "
                "have no order. Use model=mlp or model=linear.",
                id="model-mismatch",
                fix="model=mlp",
            )
        )
    goal = goal_of(spec)
    if goal.predicts_each_step and bidirectional:
        raise ConfigError(
            Problem(
                "model.bidirectional=true",
                "A language model must not see the token that it predicts, and a backward layer sees it. "
                "Use model.bidirectional=false.",
                id="contradiction",
                fix="model.bidirectional=false",
            )
        )
    table = None
    if spec.kind == "tokens":
        if spec.vocabulary_size is None:
            raise ConfigError(
                Problem(
                    "model=rnn",
                    "This dataset has tokens, but its Source does not set vocabulary_size.",
                    id="model-mismatch",
                )
            )
        table = nn.Embedding(spec.vocabulary_size, embedding, padding_idx=0)
        with torch.no_grad():
            table.weight.mul_(embedding_std)  # torch initialises them with standard deviation 1
        num_inputs = embedding
    elif spec.kind == "image":
        num_inputs = spec.shape[0] * spec.shape[2]
    else:
        num_inputs = spec.shape[1]
    directions = 2 if bidirectional else 1
    widths = [num_inputs, *[hidden * directions] * (layers - 1)]
    model = _Recurrent(
        spec.kind,
        table,
        [[_CELLS[cell](width, hidden, batch_first=True) for _ in range(directions)] for width in widths],
        nn.Linear(hidden * directions, num_logits(spec)),
        pool="none" if goal.predicts_each_step else pool,
        dropout=dropout,
        embedding_dropout=embedding_dropout,
    )
    initialise(model, init)
    for module in model.modules():
        if isinstance(module, nn.LSTM):
            _raise_forget_gates(module, by=forget_bias)
    return model


@torch.no_grad()
def _raise_forget_gates(lstm: nn.LSTM, *, by: float) -> None:
    """Add to the initial biases of the forget gates, so that the state is kept for more steps from the start."""
    for name, bias in lstm.named_parameters():
        if by and name.startswith("bias_ih"):
            bias[lstm.hidden_size : 2 * lstm.hidden_size].add_(by)  # (4 * H,): input, forget, cell and output gate


class _Recurrent(nn.Module):
    """Layers with a recurrent module for each direction.

    Rows of different lengths stay padded: a backward module reads each row reversed within its own length, so that no
    output that is used depends on padding. Packed sequences give the same result and take 3 to 6 times as long on CPU.
    """

    def __init__(
        self,
        kind: Kind,
        embedding: nn.Embedding | None,
        layers: list[list[nn.RNNBase]],
        output: nn.Linear,
        *,
        pool: str,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self._kind = kind
        self._pool = pool
        self.embedding = embedding
        self.layers = nn.ModuleList(nn.ModuleList(directions) for directions in layers)
        self.dropout = nn.Dropout(dropout)
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.attention = nn.Linear(output.in_features, 1) if pool == "attention" else None
        self.output = output

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F), (B, T) or (B, C, H, W), and the length of each row without padding, (B,) -> (B, K)."""
        if self._kind == "image":
            inputs = inputs.transpose(1, 2).flatten(2)  # (B, C, H, W) -> (B, H, C, W) -> (B, H, C * W)
        padding = None
        if lengths is not None:
            # training batches are cut already, a graph has any length; on other devices, reading the number would wait
            if not self.training and inputs.device.type == "cpu" and not torch.compiler.is_exporting():
                inputs = inputs[:, : max(1, int(lengths.max()))]  # (B, T, ...) -> (B, longest, ...)
            padding = torch.arange(inputs.shape[1], device=inputs.device) >= lengths.unsqueeze(1)  # -> (B, T)
            inputs = inputs.masked_fill(padding if inputs.ndim == 2 else padding.unsqueeze(2), 0)
        steps = inputs if self.embedding is None else self.embedding_dropout(self.embedding(inputs))  # -> (B, T, E)
        reversed_index = _reversed_index(steps, lengths) if len(self.layers[0]) > 1 else None  # type: ignore[arg-type]
        for number, directions in enumerate(self.layers):
            if number > 0:
                steps = self.dropout(steps)
            steps = _apply(steps, directions, reversed_index)  # (B, T, F) -> (B, T, D * H)
        if self._pool != "none":
            steps = self._pooled(steps, lengths, padding)  # (B, T, D * H) -> (B, D * H)
        last: Tensor = self.output(self.dropout(steps))  # (B, D * H) -> (B, K), or (B, T, H) -> (B, T, K)
        return last

    def _pooled(self, steps: Tensor, lengths: Tensor | None, padding: Tensor | None) -> Tensor:
        """(B, T, D * H) -> (B, D * H)."""
        if self._pool == "mean":
            if lengths is None or padding is None:
                return steps.mean(dim=1)  # (B, T, D * H) -> (B, D * H)
            total = steps.masked_fill(padding.unsqueeze(2), 0).sum(dim=1)  # (B, T, D * H) -> (B, D * H)
            return total / lengths.clamp(min=1).unsqueeze(1)
        if padding is not None:
            # an empty row keeps its first step: softmax and max need one
            padding = padding & (torch.arange(padding.shape[1], device=padding.device) > 0)  # (B, T)
        if self._pool == "max":
            if padding is not None:
                steps = steps.masked_fill(padding.unsqueeze(2), -torch.inf)
            return steps.amax(dim=1)  # (B, T, D * H) -> (B, D * H)
        if self.attention is not None:
            scores = self.attention(torch.tanh(steps))  # (B, T, D * H) -> (B, T, 1)
            if padding is not None:
                scores = scores.masked_fill(padding.unsqueeze(2), -torch.inf)
            attended: Tensor = (scores.softmax(dim=1) * steps).sum(dim=1)  # (B, T, 1), (B, T, D * H) -> (B, D * H)
            return attended
        if len(self.layers[0]) == 1:  # type: ignore[arg-type]
            return _last(steps, lengths)  # (B, T, H) -> (B, H)
        forward, backward = steps.chunk(2, dim=2)  # (B, T, 2 * H) -> 2 x (B, T, H)
        return torch.cat([_last(forward, lengths), backward[:, 0]], dim=1)  # 2 x (B, H) -> (B, 2 * H)


def _last(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the last step of each row that is not padding (of an empty row the first), (B, T, H) -> (B, H)."""
    if lengths is None:
        return steps[:, -1]
    last = (lengths.clamp(min=1) - 1)[:, None, None].expand(-1, 1, steps.shape[2])  # (B,) -> (B, 1, H)
    return steps.gather(1, last)[:, 0]


def _reversed_index(steps: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the index that reverses the steps of each row and leaves its padding at the end, (B, T)."""
    order = torch.arange(steps.shape[1], device=steps.device)
    if lengths is None:
        return order.flip(0).expand(len(steps), -1)  # (T,) -> (B, T)
    mirrored = lengths.unsqueeze(1) - 1 - order  # (B,), (T,) -> (B, T)
    return torch.where(mirrored >= 0, mirrored, order)


def _apply(steps: Tensor, directions: nn.Module, reversed_index: Tensor | None) -> Tensor:
    """Apply one layer: forward and, if there is a `reversed_index`, backward; (B, T, F) -> (B, T, D * H)."""
    forward, *backward = directions.children()
    out: Tensor = forward(steps)[0]  # (B, T, F) -> (B, T, H)
    if reversed_index is None:
        return out
    reverse = backward[0](_gather(steps, reversed_index))[0]  # (B, T, F) -> (B, T, H)
    return torch.cat([out, _gather(reverse, reversed_index)], dim=2)  # 2 x (B, T, H) -> (B, T, 2 * H)


def _gather(steps: Tensor, order: Tensor) -> Tensor:
    """Reorder the steps of each row, (B, T, F) and (B, T) -> (B, T, F)."""
    return steps.gather(1, order.unsqueeze(2).expand(-1, -1, steps.shape[2]))
