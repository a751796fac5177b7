"""dlrun.tasks.modes: evaluation mode for a while."""

from __future__ import annotations

import pytest
from torch import nn

from dlrun.tasks.modes import evaluating


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_from_before_comes_back_even_after_an_error(training: bool) -> None:
    model = nn.Sequential(nn.Dropout()).train(training)
    with evaluating(model):
        assert not model[0].training
    assert model[0].training is training
    with pytest.raises(ZeroDivisionError), evaluating(model):
        _ = 1 // 0
    assert model[0].training is training
