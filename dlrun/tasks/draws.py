"""Random draws that leave the random states of a run as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_draws() -> Iterator[None]:
    """A context whose draws change no random state of torch: of the processor, and of GPUs if they are in use.

    `fork_rng` alone would start CUDA in a run on the processor, and warns where there are several GPUs.
    """
    is_used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    used = range(torch.cuda.device_count()) if is_used else ()
    with torch.random.fork_rng(devices=used):
        yield
