"""Random numbers that depend on their purpose, not on what was drawn before.

Every use derives its own seed from (seed, purpose, numbers), so that order, augmentation and splits do not depend on
other random numbers of a run, and resuming needs no replay.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

_MASK = 0x7FFFFFFFFFFFFFFF


def derive_seed(seed: int, purpose: str, *numbers: int) -> int:
    """Return a 63-bit seed for one purpose."""
    text = ":".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") & _MASK


def generator(seed: int, purpose: str, *numbers: int) -> torch.Generator:
    """Return a CPU generator for one purpose."""
    return torch.Generator().manual_seed(derive_seed(seed, purpose, *numbers))


def permutation(count: int, *, seed: int, epoch: int) -> Tensor:
    """Return the order of `count` rows in an epoch, (count,) int64, drawn from (seed, epoch) alone."""
    return torch.randperm(count, generator=generator(seed, "order", epoch))


def uniform(rows: Tensor, draws: int, *, seed: int) -> Tensor:
    """Return numbers in [0, 1), (B, draws) float64, which depend on seed, row and draw alone.

    rows: (B,) int64. The mixing is splitmix64's (Steele, Lea, Flood 2014), in wrapping int64 arithmetic.
    """
    counters = rows.unsqueeze(1) * draws + torch.arange(draws, device=rows.device)  # (B,) -> (B, draws)
    state = counters * -7046029254386353131 + _signed(seed)
    state = (state ^ _shift(state, 30)) * -4658895280553007687
    state = (state ^ _shift(state, 27)) * -7723592293110705685
    state = state ^ _shift(state, 31)
    return _shift(state, 11).to(torch.float64) * 2.0**-53


def _shift(value: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)


def _signed(seed: int) -> int:
    return seed - (1 << 64) if seed >= 1 << 63 else seed
