"""dlrun.baselines.baseline: blocks of rows, samples, and metrics by the meter of the task."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.baseline import OutputBaseline, blocks, gathered, on_rows, sample
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import Batch, DataSpec
from tests.baselines.rows import nothing


class Doubled(OutputBaseline):
    """Predicts twice the first input."""

    kind = "simple"
    name = "doubled"

    def outputs(self, batch: Batch) -> torch.Tensor:
        return 2 * batch.inputs[:, :1]


def split_of(inputs: list[float], targets: list[float]) -> MemorySplit:
    return MemorySplit(torch.tensor(inputs).unsqueeze(1), torch.tensor(targets).unsqueeze(1))


def test_metrics_are_in_the_targets_own_units_and_leave_out_the_loss() -> None:
    spec = DataSpec("dense", (1,), "regression", 1, target_mean=100.0, target_std=10.0)
    split = split_of([0.0, 1.0, 2.0], [0.0, 2.0, 5.0])  # errors of 0, 0 and 1 deviations
    found = Doubled(spec, width=1 << 21).metrics(split, check=nothing)  # two rows at once
    assert found == {
        "rmse": pytest.approx((100 / 3) ** 0.5),
        "mae": pytest.approx(10 / 3),
        "r2": pytest.approx(1 - 1 / (4 + 25 - 49 / 3)),
    }


def test_a_check_that_raises_stops_the_measuring() -> None:
    spec = DataSpec("dense", (1,), "regression", 1)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Doubled(spec).metrics(split_of([0.0], [0.0]), check=stop)


def test_blocks_have_all_rows_or_those_of_an_index() -> None:
    split = split_of([0.0, 1.0, 2.0, 3.0, 4.0], [0.0] * 5)
    assert [block.inputs.flatten().tolist() for block in blocks(split, 2)] == [[0, 1], [2, 3], [4]]
    assert gathered(split, torch.tensor([4, 0, 3]), 2).flatten().tolist() == [4, 0, 3]


def test_lengths_stay_with_their_rows() -> None:
    split = MemorySplit(torch.zeros(3, 2).long(), torch.zeros(3).long(), lengths=torch.tensor([1, 2, 2]))
    (block,) = blocks(split, 2, torch.tensor([2, 0]))
    assert block.lengths is not None
    assert block.lengths.tolist() == [2, 1]


def test_a_sample_is_drawn_by_its_seed_alone_and_named() -> None:
    assert sample(4, 9, seed=0).tolist() == [0, 1, 2, 3]
    drawn = sample(1000, 10, seed=0)
    torch.manual_seed(5)
    assert drawn.tolist() == sample(1000, 10, seed=0).tolist() == sorted(set(drawn.tolist()))
    assert drawn.tolist() != sample(1000, 10, seed=1).tolist()
    assert on_rows("linear model", 20_000, 20_000) == "linear model"
    assert on_rows("linear model", 20_000, 20_001) == "linear model on 20,000 rows"
