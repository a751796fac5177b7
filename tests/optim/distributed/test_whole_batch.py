"""dlrun.optim.distributed.whole_batch: which calls a pass on some rows looks at. What they give: test_draws."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dlrun.data.loading.shard import BatchPart
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.whole_batch import WholeBatch

PART = BatchPart(0, 4, 8)


def test_the_group_knows_the_rows_during_the_pass_alone() -> None:
    group = Group(0, 2)
    seen = []

    def fail() -> None:
        with WholeBatch(group).of(PART):
            seen.append(group.part)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == [PART]
    assert group.part is None


def test_calls_that_are_not_looked_at_draw_as_usual() -> None:
    torch.manual_seed(0)
    expected = F.dropout(torch.ones(4, 3), 0.5)
    torch.manual_seed(0)
    group = Group(0, 2)
    with WholeBatch(group, sees_calls=False).of(PART):
        assert torch.equal(F.dropout(torch.ones(4, 3), 0.5), expected)
        assert group.part == PART


def test_what_neither_draws_nor_normalises_is_called_as_it_is() -> None:
    rows = torch.arange(12.0).view(4, 3)
    with WholeBatch(Group(0, 2)).of(PART):
        assert torch.equal(torch.cat([rows, rows]), torch.vstack([rows, rows]))
        assert torch.equal(rows.reshape(12), torch.arange(12.0))
        assert torch.equal(F.relu(rows - 5, inplace=True), torch.clamp(rows - 5, min=0))
