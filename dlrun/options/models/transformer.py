"""A transformer over the tokens of a text or time steps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Depth, Fraction, Init, Width
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import initialise
from dlrun.tasks.goals import goal_of, num_logits


def transformer(
    spec: DataSpec, *, width: Width, heads: Depth, layers: Depth, feedforward: Width, dropout: Fraction, init: Init
) -> nn.Module:
    """Transformer, (B, T) tokens or (B, T, F) numbers -> (B, K); a language model returns (B, T, K).

    Vaswani et al. 2017, with normalisation before each layer (Xiong et al. 2020) and learned positions. A language
    model has causal attention; otherwise every step attends to every other, and the steps are averaged. Padding is
    masked.
    Raises ConfigError if rows have no order, or if the number of heads does not divide the width.
    """
    if spec.kind not in ("tokens", "sequence"):
        raise ConfigError(
            Problem(
                "model=transformer",
                f"A transformer reads tokens or time steps, but this dataset has {spec.describe()}. Use model=mlp.",
                id="model-mismatch",
                fix="model=mlp",
            )
        )
    if width % heads:
        raise ConfigError(
            Problem(
                f"model.heads={heads}",
                f"Expected a number that divides model.width={width}; try {_divisor(width)}.",
                id="contradiction",
                fix=f"model.heads={_divisor(width)}",
            )
        )
    read: nn.Module
    if spec.kind == "tokens":
        if spec.vocabulary_size is None:
            what = "This dataset has tokens, but its Source does not set vocabulary_size."
            raise ConfigError(Problem("model=transformer", what, id="model-mismatch"))
        read = nn.Embedding(spec.vocabulary_size, width)
        nn.init.normal_(read.weight, std=0.02)
    else:
        read = nn.Linear(spec.shape[1], width)
    blocks = [_Block(width, heads, feedforward, dropout) for _ in range(layers)]
    output = nn.Linear(width, num_logits(spec))
    model = _Transformer(read, spec.shape[0], blocks, output, dropout=dropout, causal=goal_of(spec).predicts_each_step)
    return initialise(model, init)


def _divisor(width: int) -> int:
    return next(heads for heads in (8, 6, 4, 3, 2, 1) if width % heads == 0)


class _Transformer(nn.Module):
    def __init__(
        self,
        read: nn.Module,
        longest: int,
        blocks: list[_Block],
        output: nn.Linear,
        *,
        dropout: float,
        causal: bool,
    ) -> None:
        super().__init__()
        self._causal = causal
        self.read = read
        self.positions = nn.Parameter(torch.randn(longest, output.in_features) * 0.02)  # (T, W)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(output.in_features)
        self.output = output

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T) or (B, T, F), and the length of each row without padding, (B,) -> (B, K) or (B, T, K)."""
        mask = None
        if lengths is not None:
            order = torch.arange(inputs.shape[1], device=inputs.device)
            mask = order < lengths.clamp(min=1).unsqueeze(1)  # (T,), (B, 1) -> (B, T)
            inputs = inputs.masked_fill(~(mask if inputs.ndim == 2 else mask.unsqueeze(2)), 0)
        steps = self.dropout(self.read(inputs) + self.positions[: inputs.shape[1]])  # -> (B, T, W)
        attention_mask = None if mask is None else mask[:, None, None, :]  # (B, T) -> (B, 1, 1, T)
        for block in self.blocks:
            steps = block(steps, attention_mask, causal=self._causal)
        steps = self.norm(steps)
        if not self._causal:
            if mask is None:
                steps = steps.mean(dim=1)  # (B, T, W) -> (B, W)
            else:
                steps = (steps * mask.unsqueeze(2)).sum(dim=1) / mask.sum(dim=1, keepdim=True)  # -> (B, W)
        out: Tensor = self.output(steps)
        return out


class _Block(nn.Module):
    """Attention and two dense layers, each with a residual connection."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.dense = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, feedforward), nn.GELU(), nn.Linear(feedforward, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
        """(B, T, W), and which steps to attend to, (B, 1, 1, T) -> (B, T, W)."""
        qkv = self.queries_keys_values(self.attention_norm(steps)).chunk(3, dim=2)  # -> 3 x (B, T, W)
        query, key, value = (part.unflatten(2, (self._heads, -1)).transpose(1, 2) for part in qkv)  # (B, H, T, W / H)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        mixed = mixed.transpose(1, 2).flatten(2)  # (B, H, T, W / H) -> (B, T, W)
        steps = steps + self.dropout(self.attended(mixed))
        out: Tensor = steps + self.dropout(self.dense(steps))
        return out
