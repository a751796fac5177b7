"""dlrun.data.loading.moving: copies that nothing waits for."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.loading.moving import moved


def test_a_tensor_that_is_there_is_not_copied() -> None:
    tensor = torch.arange(3)
    assert moved(tensor, torch.device("cpu")) is tensor
    assert moved(tensor, torch.device("meta")).device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_copy_to_a_gpu_has_the_same_numbers() -> None:
    for tensor in (torch.arange(1000), torch.rand(4, 5)[:, ::2], torch.rand(3).pin_memory()):
        copy = moved(tensor, torch.device("cuda"))
        assert copy.is_cuda
        assert torch.equal(copy.cpu(), tensor)
