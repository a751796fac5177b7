"""How many CPU threads a training step is worth: `device.threads=auto`.

The rule knows the work of a step and the cores and never measures, so the same command gives the same number, and with
it the same bytes. The three numbers below were fitted to measured steps: docs/threads.md.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_PER_THREAD = 10_000_000
"""Operations of a matrix product (of a convolution, a recurrent layer) that each thread needs. A doubling gains a fifth
if each thread has them before it: besides its work, a product takes the time of twice as many (in Python, in small
operations around it, in waiting for the threads), which no thread shortens."""

PER_WEIGHT = 50
"""Operations that take as long as updating a weight, which reads and writes 28 bytes."""

PER_ACTIVATION = 50
"""Operations that take as long as computing a number that a layer returns, and its gradient."""


@dataclass(frozen=True)
class Work:
    """What a training step computes: all counts are of one batch.

    operations: floating-point operations of the forward pass's products, two for a multiplication with its addition.
    products: how many there are: matrix products, convolutions, fused recurrent layers. activations: numbers that the
    forward pass computes. weights: that are trained.
    """

    operations: int
    products: int
    activations: int
    weights: int

    @property
    def total(self) -> int:
        """The whole step in operations: the backward pass has two products for each of the forward pass."""
        return 3 * self.operations + PER_ACTIVATION * self.activations + PER_WEIGHT * self.weights


def choose_threads(work: Work, *, cores: int, processes: int = 1) -> int:
    """Return the number of threads: one, doubled up to the cores while that makes a step at least a fifth faster.

    cores: of the machine, or as many as the run may use. processes: that train on the machine at once and share them.
    """
    most, threads = max(1, cores // processes), 1
    while threads < most:
        more = min(2 * threads, most)
        if not _gains(work, threads, more):
            break
        threads = more
    return threads


def _gains(work: Work, threads: int, more: int) -> bool:
    """Whether `more` threads take at most 5/6 of the time, which is total / threads + what each product adds."""
    added = 2 * LEAST_PER_THREAD * 3 * max(1, work.products)
    return work.total * (5 * more - 6 * threads) >= added * threads * more
