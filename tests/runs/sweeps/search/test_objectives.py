from __future__ import annotations

from unittest import mock

import pytest

from dlrun.errors import ConfigError
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.objectives import Measurable
from dlrun.runs.sweeps.search.random import Random
from dlrun.runs.sweeps.search.search import Known
from dlrun.runs.sweeps.search.trials import Trials
from tests.runs.sweeps.search.spaces import SIZE, row, space_of


def test_the_first_completed_row_shows_that_an_objective_is_missing() -> None:
    space = space_of(SIZE)
    inner = Trials(space, Random(space, seed=0), num_trials=3, objectives=["rmse"])
    search = Measurable(inner, ["rmse"])
    search.recall([Known(0, ())])
    assert search.num_points == 3
    for point in range(2):
        assert search.next() is not None
        search.begin(point, [])
    assert search.observe(0, Measured(0, 1, 1, 0.1)) is None
    search.tell(SweepRow(0, [], "failed"))  # which has no metrics at all
    with pytest.raises(ConfigError) as caught:
        search.tell(row(1, 0.5))
    assert [each.where for each in caught.value.problems] == ["search.objectives=[rmse]"]


def test_rows_that_have_it_are_told_on() -> None:
    inner, told = mock.Mock(num_points=3), row(0, 0.5)
    Measurable(inner, ["accuracy"]).tell(told)
    inner.tell.assert_called_once_with(told)
