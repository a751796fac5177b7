"""dlrun.optim.out_of_memory: a failed allocation is recognised, whoever tells it."""

from __future__ import annotations

import pytest
import torch

from dlrun.optim.out_of_memory import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("unable to mmap 314572888 bytes from file <a.safetensors>: Cannot allocate memory (12)."),
    ],
)
def test_a_failed_allocation_is_recognised(error: BaseException) -> None:
    assert is_out_of_memory(error)


def test_another_error_of_a_gpu_is_none() -> None:
    assert not is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED"))
