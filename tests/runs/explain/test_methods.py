"""The two methods of attribution."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from torch import Tensor

from dlrun.errors import ConfigError
from dlrun.runs.explain.methods import Forward, captum, integrated, num_orders, shapley
from tests.runs.explain.known import needs_captum


def test_every_order_of_few_parts_and_pairs_of_orders_of_many() -> None:
    assert [num_orders(count, most_rows=20_000) for count in (1, 2, 4, 5, 6, 30)] == [1, 2, 24, 120, 128, 128]
    assert num_orders(300, most_rows=20_000) == 66
    assert num_orders(9_999, most_rows=20_000) == num_orders(50_000, most_rows=20_000) == 2


def test_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "captum"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(ConfigError, match=r'This needs captum, which is not installed: pip install "dlrun\[explain\]"'):
        captum()


@needs_captum
def test_orders_depend_on_the_seed_alone() -> None:
    def forward(rows: Tensor) -> Tensor:
        return rows[:, :4].prod(dim=1) + rows.amax(dim=1)

    row, groups = torch.arange(1.0, 9.0).unsqueeze(0), torch.arange(8)

    def amounts(seed: int) -> Tensor:
        return shapley(forward, row, 0 * row, groups, orders=4, seed=seed, at_once=3)[0]

    torch.manual_seed(1)
    first = amounts(0)
    torch.manual_seed(2)
    assert amounts(0).tolist() == first.tolist() != amounts(1).tolist()
    assert float(first.sum()) == pytest.approx(24 + 8)


@needs_captum
def test_the_error_is_that_of_the_mean_over_orders_and_none_where_amounts_are_exact() -> None:
    def errors(forward: Forward, count: int, orders: int) -> list[float]:
        row = torch.arange(1.0, count + 1).unsqueeze(0)
        return shapley(forward, row, 0 * row, torch.arange(count), orders=orders, seed=0, at_once=4)[1].tolist()

    def product(rows: Tensor) -> Tensor:
        return rows[:, :3].prod(dim=1)

    assert errors(product, 3, 6) == [0, 0, 0]
    assert errors(lambda rows: rows[:, 0] * rows[:, 1], 8, 8) == pytest.approx([0] * 8, abs=1e-6)
    assert all(map(math.isnan, errors(product, 8, 2)))
    few, many = errors(product, 8, 16), errors(product, 8, 128)
    assert min(few[:3]) > 0
    assert max(many[:3]) < 0.6 * max(few[:3])  # a third, as 128 is 8 times 16
    assert few[3:] == many[3:] == [0] * 5


@needs_captum
def test_steps_are_doubled_until_the_gradients_add_up() -> None:
    row = torch.ones(1, 1)
    found, steps = integrated(lambda rows: rows[:, 0] ** 3, row, 0 * row, at_once=64)
    assert (float(found), steps) == (pytest.approx(1), 32)
    found, steps = integrated(lambda rows: (500 * (rows[:, 0] - 0.7)).sigmoid(), row, 0 * row, at_once=64)
    assert steps > 32
    assert float(found) == pytest.approx(1, abs=0.01)
    # a step has no gradient anywhere: the search ends
    found, steps = integrated(lambda rows: (rows[:, 0] > 0.5) + 0 * rows[:, 0], row, 0 * row, at_once=64)
    assert (float(found), steps) == (0, 512)
