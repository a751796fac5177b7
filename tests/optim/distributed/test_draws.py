"""dlrun.optim.distributed.draws: a process gets the numbers that a single one draws for its rows, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.loading.shard import BatchPart, Shard
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.whole_batch import WholeBatch

ROWS = torch.randn(7, 6, 8, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(7, 5, 3, 2, generator=torch.Generator().manual_seed(0))
MEMORY = nn.LSTM(8, 3, 3, dropout=0.4, batch_first=True)
STEPS_FIRST = nn.GRU(8, 3, 2, dropout=0.4)
ATTENTION = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True)

DRAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "dropout": lambda rows: F.dropout(rows, 0.3),
    "dropout in place": lambda rows: F.dropout(rows.clone(), 0.3, inplace=True),
    "all of them": lambda rows: F.dropout(rows, 1.0),
    "of the transposed": lambda rows: F.dropout(rows.transpose(1, 2), 0.3),
    "torch.dropout": lambda rows: torch.dropout(rows, 0.3, True),
    "of channels": lambda rows: F.dropout1d(rows, 0.3),
    "alpha dropout": lambda rows: F.alpha_dropout(rows, 0.3, training=True),
    "of features": lambda rows: F.feature_alpha_dropout(rows, 0.3, training=True),
    "normal numbers": lambda rows: torch.randn(len(rows), 40),
    "of a size in a list": lambda rows: torch.randn([len(rows), 3, 2]),
    "uniform numbers": lambda rows: torch.rand(len(rows), 1),
    "whole numbers": lambda rows: torch.randint(0, 1000, (len(rows),)),
    "like the rows": torch.rand_like,
    "by a mean": lambda rows: torch.normal(rows, rows.abs()),
    "by a deviation": lambda rows: torch.normal(0.0, rows.abs()),
    "of a distribution": lambda rows: torch.distributions.Normal(rows, 1.0).rsample(),
    "by a probability": lambda rows: torch.bernoulli(rows.sigmoid()),
    "in place": lambda rows: rows.new_empty(len(rows), 1, 1).uniform_(),
    "in place, by a tensor": lambda rows: torch.empty_like(rows).bernoulli_(rows.sigmoid()),
    "categories": lambda rows: F.gumbel_softmax(rows),
    "regions": lambda rows: F.fractional_max_pool2d(rows.unsqueeze(1), 2, output_size=3),
    "memory": lambda rows: MEMORY(rows)[0],
    "attention": lambda rows: F.scaled_dot_product_attention(rows, rows, rows, dropout_p=0.3),
    "attention with weights": lambda rows: ATTENTION(rows, rows, rows)[0],
    "attention without": lambda rows: ATTENTION(rows, rows, rows, need_weights=False)[0],
    "of flattened steps": lambda rows: F.dropout(rows.flatten(0, 1), 0.5).unflatten(0, rows.shape[:2]),  # type: ignore[no-untyped-call]
    "of repeated rows": lambda rows: F.dropout(rows.repeat_interleave(2, 0), 0.5).unflatten(0, (len(rows), 2)),  # type: ignore[no-untyped-call]
    "of joined batches": lambda rows: torch.cat(F.dropout(torch.cat([rows, -rows]), 0.5).split(len(rows)), dim=1),  # type: ignore[no-untyped-call]
}


def parts_of(count: int, size: int) -> list[BatchPart]:
    return [BatchPart(*Shard(rank, size).part(count), count) for rank in range(size)]


def assert_same(draw: Callable[[Tensor], Tensor], rows: Tensor, size: int, *, dim: int = 0) -> None:
    torch.manual_seed(1)
    expected, after = draw(rows), torch.get_rng_state()
    found = []
    for rank, part in enumerate(parts_of(rows.shape[dim], size)):
        group = Group(rank, size)
        own = rows.narrow(dim, part.present.start, part.num_present)
        torch.manual_seed(1)
        with WholeBatch(group).of(part):
            drawn = draw(own)
        assert torch.equal(torch.get_rng_state(), after)
        assert not group.drew_by_shape
        assert group.part is None
        if not part.is_empty:
            found.append(drawn)
    torch.testing.assert_close(torch.cat(found, dim), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("name", DRAWS)
def test_each_process_gets_the_numbers_of_its_rows(name: str, size: int) -> None:
    assert_same(DRAWS[name], ROWS, size)


@pytest.mark.parametrize("size", [2, 3])
def test_rows_may_be_the_second_dimension(size: int) -> None:
    assert_same(lambda rows: F.dropout(rows, 0.4), ROWS.transpose(0, 1).contiguous(), size, dim=1)
    assert_same(lambda rows: STEPS_FIRST(rows)[0], ROWS.transpose(0, 1).contiguous(), size, dim=1)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_numbers_of_images_follow_their_order_in_memory(layout: torch.memory_format) -> None:
    for draw in (lambda rows: F.dropout(rows, 0.3), torch.rand_like, lambda rows: F.dropout2d(rows, 0.3)):
        assert_same(draw, IMAGES.to(memory_format=layout), 2)


def test_where_a_size_is_that_of_the_rows_by_chance_an_earlier_step_tells() -> None:
    group = Group(0, 2)
    mode = WholeBatch(group)
    for count, steps in ((10, 3), (6, 3)):  # first with 5 of 10 rows, then with 3 of 6, and 3 steps
        whole, part = torch.ones(steps, count, 4), BatchPart(0, count // 2, count)
        torch.manual_seed(2)
        expected = F.dropout(whole, 0.5)[:, : count // 2]
        torch.manual_seed(2)
        with mode.of(part):
            assert torch.equal(F.dropout(whole[:, : count // 2], 0.5), expected)


NOT_OF_ROWS: dict[str, Callable[[Tensor], Tensor]] = {
    "of another size": lambda rows: torch.randn(3, 4),
    "of a weight": lambda rows: F.dropout(nn.Parameter(torch.ones(4, 4)), 0.5),
    "an order": lambda rows: torch.randperm(len(rows)),
    "by the numbers themselves": lambda rows: F.rrelu(rows, training=True),
    "by rates": lambda rows: torch.poisson(rows.abs()),
}


@pytest.mark.parametrize("name", NOT_OF_ROWS)
def test_what_is_not_of_the_rows_is_drawn_as_if_alone_and_said(name: str) -> None:
    group = Group(0, 2)
    torch.manual_seed(3)
    expected = NOT_OF_ROWS[name](ROWS[:4])
    torch.manual_seed(3)
    with WholeBatch(group).of(BatchPart(0, 4, 7)):
        assert torch.equal(NOT_OF_ROWS[name](ROWS[:4]), expected)
    assert group.drew_by_shape


def test_nothing_is_drawn_in_evaluation() -> None:
    group, before = Group(0, 2), torch.get_rng_state()
    with WholeBatch(group).of(BatchPart(0, 4, 7)):
        assert torch.equal(F.dropout(ROWS[:4], 0.5, training=False), ROWS[:4])
        assert torch.equal(F.dropout(ROWS[:4], 0.0), ROWS[:4])
    assert torch.equal(torch.get_rng_state(), before)


def test_drawing_does_not_import_the_compiler() -> None:
    program = (
        "import sys, torch\n"
        "from dlrun.data.loading.shard import BatchPart\n"
        "from dlrun.optim.distributed.group import Group\n"
        "from dlrun.optim.distributed.whole_batch import WholeBatch\n"
        "with WholeBatch(Group(0, 2)).of(BatchPart(0, 4, 7)):\n"
        "    torch.randn(4, 3)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
