"""Whether an error means that memory ran out."""

from __future__ import annotations

import torch

_TEXTS = ("can't allocate memory", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")  # last: cuBLAS, cuDNN


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that an allocation failed."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(text in str(error) for text in _TEXTS)
