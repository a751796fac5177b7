"""dlrun.optim.finite: a single bad number is found anywhere; finite numbers whose sum overflows are fine."""

from __future__ import annotations

import pytest
import torch

from dlrun.optim.finite import AllFinite


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_single_number_that_is_not_finite_is_found(bad: float, where: int) -> None:
    all_finite = AllFinite()
    gradients: list[torch.Tensor | None] = [torch.randn(4, 3, 5, 5), torch.randn(700), torch.randn(9, 90)]
    large = torch.full((50,), 3e38)  # a sum would overflow
    before = [each.clone() for each in (*gradients, large) if each is not None]
    assert all_finite([*gradients, None, large])
    assert all(torch.equal(*pair) for pair in zip(before, [*gradients, large], strict=True))  # type: ignore[arg-type]
    changed = gradients[where]
    assert changed is not None
    changed.view(-1)[-1] = bad
    assert not all_finite(gradients)
    changed.view(-1)[-1] = 0.0
    assert all_finite(gradients)  # no state remains
    assert all_finite([None])
