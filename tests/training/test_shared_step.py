"""dlrun.training.shared_step: whole runs of 1, 2 and 4 processes on the CPU end alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.tasks.task import SupervisedTask
from dlrun.training.shared_step import may_need_the_whole_batch
from tests.harness import CPU, configure
from tests.together import SIZES, Crews, Outcome, largest_difference, largest_of_rows
from tests.together_member import train, train_exactly
from tests.together_runs import FAMILIES, STEPS

CLOSE = 1e-5  # between numbers of different numbers of processes, as a part of those above 1
RUNS = {**FAMILIES, **STEPS}


@pytest.fixture(scope="module")
def crews(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crews]:
    with Crews() as found:
        yield found


def train_in_all(crews: Crews, *words: str, plugins: Sequence[Path] = ()) -> dict[int, list[Outcome]]:
    config = configure(*words, "trainer.log_every=1", *CPU, plugins=plugins)
    return crews.run(train, config, plugins)


def assert_alike(found: Mapping[int, Sequence[Outcome]], *, close: float = CLOSE) -> None:
    """All processes of a group have the same bytes, and all groups the same numbers, steps and random states."""
    alone = found[1][0]
    for members in found.values():
        first = members[0]
        assert [each.progress for each in members] == [first.progress] * len(members)
        assert [largest_difference(first.tensors, each.tensors)[0] for each in members] == [0.0] * len(members)
        assert {each.random for each in members} == {alone.random}
        assert {each.outcome for each in members} == {alone.outcome}
        difference, where = largest_difference(alone.tensors, first.tensors)
        assert difference <= close, where
        assert largest_of_rows(alone.rows, first.rows) <= close


@pytest.mark.parametrize("name", RUNS)
def test_runs_of_1_2_and_4_processes_end_alike(name: str, crews: Crews) -> None:
    found = train_in_all(crews, *RUNS[name])
    assert_alike(found)
    assert found[1][0].progress["step"] >= 3


@pytest.mark.parametrize("name", ["mlp with batch norm", "transformer", "gru in both directions"])
def test_what_adam_makes_of_rounding_is_gone_in_float64(name: str, crews: Crews) -> None:
    words = [word for word in RUNS[name] if not word.startswith("optimizer.")]
    config = configure(*words, "optimizer=adam", "trainer.log_every=1", *CPU)
    assert_alike(crews.run(train_exactly, config), close=1e-8)


@pytest.mark.parametrize("name", ["cnn", "dense gan"])
def test_the_same_number_of_processes_gives_the_same_bytes(name: str, crews: Crews) -> None:
    once, again = (train_in_all(crews, *RUNS[name]) for _ in range(2))
    for size in SIZES:
        assert largest_difference(once[size][0].tensors, again[size][0].tensors)[0] == 0.0
        assert once[size][0].rows == again[size][0].rows


def test_a_run_stops_at_the_same_step_by_the_time_in_all_of_them(crews: Crews) -> None:
    found = train_in_all(
        crews,
        *RUNS["linear"][:3],
        "trainer.epochs=100000",
        "trainer.early_stop.patience=null",
        "trainer.eval_every=0",
        "trainer.max_time=1s",
    )
    for members in found.values():
        assert {each.outcome for each in members} == {"out of time"}
        assert len({each.progress["step"] for each in members}) == 1


def test_bf16_differs_by_its_own_rounding(crews: Crews) -> None:
    found = train_in_all(crews, *RUNS["cnn"], *("optimizer=sgd", "optimizer.lr=0.05"), "device.precision=bf16")
    assert_alike(found, close=2**-8)  # half a step between two bf16 numbers at 1


PLUGIN = '''
"""Models that draw, join and normalise as no model of dlrun does."""
import torch
import torch.nn.functional as F
from torch import nn
import dlrun


class Odd(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.memory = nn.LSTM(8, 8, 2, dropout=0.3)
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.2, batch_first=True)
        self.mean, self.var = nn.Buffer(torch.zeros(8)), nn.Buffer(torch.ones(8))
        self.last = nn.Linear(8, outputs)

    def forward(self, inputs):
        steps = inputs.unflatten(1, (-1, 2))  # (B, F) -> (B, T, 2)
        rows = F.dropout(self.first(steps.flatten(0, 1)), 0.2, self.training)  # (B, T, 2) -> (B * T, 8)
        steps = self.memory(rows.unflatten(0, steps.shape[:2]).transpose(0, 1))[0].transpose(0, 1)
        steps = steps + self.attention(steps, steps, steps)[0]
        found = F.batch_norm(steps.mean(dim=1), self.mean, self.var, training=self.training)
        if self.training:
            found = found + 0.1 * torch.randn_like(found) + 0.1 * torch.rand(len(found), 1)
        both = F.dropout(torch.cat([found, -found]), 0.3, self.training)  # (2 B, 8)
        return self.last(both[: len(found)] - both[len(found) :])


class Noisy(nn.Module):
    def __init__(self, features, outputs):
        super().__init__()
        self.last = nn.Linear(features, outputs)

    def forward(self, inputs):
        weight = self.last.weight + (0.1 * torch.randn(3, 1) if self.training else 0)
        return F.linear(inputs, weight, self.last.bias)


class Guessing(Noisy):
    def forward(self, inputs):
        return self.last(F.dropout(inputs, 0.3))  # also in evaluation


class Shuffled(Noisy):
    def forward(self, inputs):
        other = inputs[torch.randperm(len(inputs))] if self.training else inputs  # of its own rows alone
        return self.last(F.rrelu(inputs + 0.1 * other, training=self.training))


class Sparse(dlrun.Task):
    metrics = {"loss": "min"}

    def __init__(self, spec, is_bad):
        super().__init__()
        self.model, self.steps, self.is_bad = nn.Linear(spec.num_features, spec.num_outputs), 0, is_bad

    def param_groups(self):
        return {"model": self.model}

    def train_step(self, batch, update):
        self.steps += 1
        loss = F.cross_entropy(self.model(batch.inputs), batch.targets)
        if self.steps % 3:
            update("model", loss)
        is_last = batch.part is None or batch.part.last == batch.part.rows
        reported = loss.detach() * float("inf") if self.is_bad and self.steps == 4 and is_last else loss.detach()
        return {"loss": reported}

    def evaluation(self):
        return Measured(self)


class Measured:
    def __init__(self, task):
        self.task, self.losses = task, []

    def add(self, batch):
        self.losses.append(F.cross_entropy(self.task.model(batch.inputs), batch.targets, reduction="none"))

    def result(self):
        return {"loss": torch.cat(self.losses).mean().item()}


def odd_models(spec: dlrun.DataSpec, *, kind: str = "odd", is_bad: bool = False):
    """One of them."""
    if kind == "sparse":
        return Sparse(spec, is_bad)
    kinds = {"odd": Odd, "noisy": Noisy, "guessing": Guessing, "shuffled": Shuffled}
    return kinds[kind](spec.num_features, dlrun.num_logits(spec))
'''
IRIS = ("dataset=iris", "trainer.batch_size=25", "trainer.epochs=2")


@pytest.fixture
def plugin(tmp_path: Path) -> tuple[Path]:
    path = tmp_path / "odd_models.py"
    path.write_text(PLUGIN)
    return (path,)


def test_what_a_plugins_model_draws_is_drawn_for_all_rows(crews: Crews, plugin: tuple[Path]) -> None:
    assert_alike(train_in_all(crews, *IRIS, "model=odd_models", "model.kind=odd", "optimizer=sgd", plugins=plugin))


def test_noise_of_weights_is_the_same_in_all_processes(crews: Crews, plugin: tuple[Path]) -> None:
    assert_alike(train_in_all(crews, *IRIS, "model=odd_models", "model.kind=noisy", plugins=plugin))


@pytest.mark.parametrize("kind", ["shuffled", "guessing"])
def test_what_no_process_can_draw_for_all_rows_leaves_random_states_the_same(
    kind: str, crews: Crews, plugin: tuple[Path]
) -> None:
    found = train_in_all(crews, *IRIS, "model=odd_models", f"model.kind={kind}", plugins=plugin)
    for members in found.values():
        assert len({each.random for each in members}) == 1
        assert [largest_difference(members[0].tensors, each.tensors)[0] for each in members] == [0.0] * len(members)


def test_a_task_may_leave_out_updates_and_need_not_merge_its_evaluation(crews: Crews, plugin: tuple[Path]) -> None:
    found = train_in_all(crews, *IRIS, "model=odd_models", "model.kind=sparse", plugins=plugin)
    assert_alike(found)


def test_a_number_that_is_not_finite_in_one_process_ends_all(crews: Crews, plugin: tuple[Path]) -> None:
    found = train_in_all(crews, *IRIS, "model=odd_models", "model.kind=sparse", "model.is_bad=true", plugins=plugin)
    assert {each.outcome for members in found.values() for each in members} == {"NotFinite"}


class OfTheUser(torch.nn.Linear):
    """A layer that may do anything."""


def test_calls_are_looked_at_only_where_a_model_may_draw_or_normalise() -> None:
    def needs(*layers: torch.nn.Module) -> bool:
        task: Any = SupervisedTask.__new__(SupervisedTask)
        torch.nn.Module.__init__(task)
        task.model = torch.nn.Sequential(torch.nn.Linear(2, 2), *layers)
        return may_need_the_whole_batch(task)

    assert not needs(torch.nn.ReLU(), torch.nn.Dropout(0.0), torch.nn.LayerNorm(2))
    assert needs(torch.nn.Dropout(0.1))
    assert needs(torch.nn.BatchNorm1d(2))
    assert needs(torch.nn.LSTM(2, 2, 2, dropout=0.1))
    assert needs(torch.nn.RReLU())
    assert needs(OfTheUser(2, 2))
