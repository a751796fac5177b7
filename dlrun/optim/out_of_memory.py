"""Whether an error means that memory ran out."""

from __future__ import annotations

_TEXTS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "STATUS_ALLOC_FAILED",  # of cuBLAS and cuDNN
    "Cannot allocate memory (12)",  # of a file that is to be mapped
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error, of Python or torch, means that an allocation failed."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _TEXTS)
