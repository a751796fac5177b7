"""dlrun.training.processes.ranks: what each process has of its own comes back to it, also of its GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from dlrun.optim.distributed.group import Group
from dlrun.tasks.progress import RunningMeans
from dlrun.training.processes.ranks import restore_rank, state_of_ranks


def state() -> Any:
    return SimpleNamespace(task=nn.Linear(1, 1), means=RunningMeans(on_cpu=True))


def test_the_random_state_of_its_gpu_is_part_of_what_a_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = torch.tensor([4, 2], dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda: numbers)
    restored: list[list[int]] = []
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda found: restored.append(found.tolist()))
    (first,) = state_of_ranks(state(), Group())
    assert first["cuda"] == [4, 2]
    restore_rank([first, {**first, "cuda": [5, 6]}], state(), Group(1, 2))
    assert restored == [[5, 6]]
    restore_rank([first, {"means": first["means"]}], state(), Group(1, 2))  # whose states were those of the first
    assert restored == [[5, 6]]
