"""dlrun.tasks.draws: draws that nobody notices."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from dlrun.tasks.draws import own_draws


def test_draws_change_no_random_state_even_if_an_error_ends_them() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with own_draws():
        torch.manual_seed(8)
        torch.rand(5)
    assert torch.equal(torch.rand(1), expected[:1])
    with pytest.raises(RuntimeError, match="negative dimension"), own_draws():
        torch.rand(torch.randint(1, 5, ()) - 9)
    assert torch.equal(torch.rand(1), expected[1:])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_gpu_that_is_in_use_keeps_its_state_and_one_that_is_not_stays_untouched() -> None:
    torch.cuda.manual_seed(3)
    expected = torch.rand(1, device="cuda")
    torch.cuda.manual_seed(3)
    with own_draws():
        torch.rand(5, device="cuda")
    assert torch.equal(torch.rand(1, device="cuda"), expected)
    words = ["dataset=digits", "dataset.limit=60", "model=mlp", "device=cpu", "trainer.epochs=1", "--quiet"]
    code = f"import torch, dlrun.cli.main as m; print(m.main({words}), torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split()[-2:] == ["0", "False"], done.stderr
