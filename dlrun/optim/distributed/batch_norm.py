"""Batch normalisation over the rows of all processes, as a single process with the whole batch computes it.

torch's SyncBatchNorm does the same on GPUs only, and counts the row that fills the part of a process without rows.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from dlrun.optim.distributed.group import Group


def batch_norm(
    inputs: Tensor,
    /,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    momentum: float,
    eps: float,
    group: Group,
) -> Tensor:
    """Normalise each channel by mean and variance of the whole batch, (N, C, ...); a collective call.

    The group says which rows of the batch these are; a row that only fills an empty part does not count.
    Raises ValueError, as torch does, if the whole batch has a single value for each channel.
    """
    count = 0 if group.has_no_row else inputs.numel() // inputs.shape[1]
    kind = torch.promote_types(inputs.dtype, torch.float32)  # of statistics: not that of bf16 and fp16
    with torch.no_grad():
        local = torch.batch_norm_update_stats(inputs.detach().to(kind), None, None, 0.0)
        mean, var = (each.double() for each in local)  # (C,) each; biased
        sums = torch.cat([mean * count, (var + mean.square()) * count, mean.new_tensor([count])])  # (2 C + 1,)
        group.add(sums)
        total = sums[-1]
        mean, square = (sums[:-1] / total).chunk(2)
        var = square - mean.square()  # float64: exact enough, unless a mean is 10^5 times the deviation
        if inputs.device.type == "cpu" and total.item() < 2:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {inputs.shape}")
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean), momentum)
            running_var.lerp_((var * (total / (total - 1))).to(running_var), momentum)
    normalised: Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
        inputs, weight, bias, mean.to(kind), var.to(kind), total.to(kind), eps, group
    )
    return normalised


class _Normalise(torch.autograd.Function):
    """Normalise by given statistics of all rows, through which gradients flow to the rows of every process."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        total: Tensor,
        eps: float,
        group: Group,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight, mean, (var + eps).rsqrt(), total)
        ctx.eps, ctx.group = eps, group
        ctx.is_empty = group.has_no_row
        return F.batch_norm(inputs, mean, var, weight, bias, training=False, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Ioffe and Szegedy 2015, section 3; its sums go over all processes, those of weight and bias do not."""
        inputs, weight, mean, factor, total = ctx.saved_tensors
        _, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, inputs, weight, None, None, mean, factor, train=True, eps=ctx.eps, output_mask=[False, True, True]
        )
        sums = torch.stack([of_weight, of_bias]).double()  # (2, C)
        if ctx.is_empty:
            sums.zero_()
        ctx.group.add(sums)
        shape = (1, -1, *(1,) * (inputs.ndim - 2))
        scale = factor if weight is None else factor * weight
        if ctx.is_empty:
            of_inputs = torch.zeros_like(gradient)
        else:
            by_input, constant = ((sums / total) * -scale).to(mean.dtype)
            of_inputs = inputs - mean.view(shape)
            of_inputs = of_inputs.mul_((by_input * factor).view(shape)).add_(constant.view(shape))
            of_inputs = of_inputs.addcmul_(gradient.to(of_inputs), scale.view(shape)).to(gradient.dtype)
        if weight is None:
            return of_inputs, None, None, None, None, None, None, None
        return of_inputs, of_weight, of_bias, None, None, None, None, None
