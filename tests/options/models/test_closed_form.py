"""What the tabular model begins with: which forms take part, how they are weighted, and what they predict."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from dlrun.options.models._closed_form import ClosedForm, _losses, _standard_errors

INPUTS = torch.randn(300, 2, generator=torch.Generator().manual_seed(1))


def spec_of(goal: Any = "regression", outputs: int = 1, numbers: int = 2) -> DataSpec:
    return DataSpec("dense", (numbers,), goal, outputs, numbers=numbers)


def fitted(spec: DataSpec, inputs: Tensor, targets: Tensor, *, weights: Tensor | None = None) -> ClosedForm:
    model = ClosedForm(spec, additive=True)
    with torch.no_grad():
        model.fit_to(MemorySplit(inputs, targets, weights=weights), inputs[:, : spec.num_numbers].double())
    return model


def test_a_line_is_found() -> None:
    noise = 0.5 * torch.randn(300, 1, generator=torch.Generator().manual_seed(2))
    line = INPUTS @ torch.tensor([[2.0], [-1.0]]) + 3
    assert (fitted(spec_of(), INPUTS, line + noise)(INPUTS) - line).square().mean() < 0.02  # noise has 0.25


def test_groups_under_numbers_are_told_apart() -> None:
    codes = torch.arange(300).remainder(6).unsqueeze(1).float()
    levels = torch.tensor([4.0, -3.0, 5.0, -6.0, 2.0, -2.0])
    model = fitted(spec_of(numbers=1), codes, levels[codes[:, 0].long()].unsqueeze(1))
    torch.testing.assert_close(model(codes[:6])[:, 0], levels, atol=0.2, rtol=0)


def test_classes_that_no_line_divides_are_found() -> None:
    for goal, outputs in (("binary", 2), ("multiclass", 3)):
        targets = (INPUTS[:, 0].abs() > 0.7).long()
        found = fitted(spec_of(goal, outputs), INPUTS, targets)(INPUTS)
        chosen = (found[:, 0] > 0).long() if goal == "binary" else found.argmax(dim=1)
        assert (chosen == targets).float().mean() > 0.95


def test_few_rows_give_the_linear_model_alone() -> None:
    model = fitted(spec_of(), INPUTS[:40], INPUTS[:40, :1].abs())
    assert model.ramps is not None
    assert not model.ramps.rise.any()
    assert model.weight.any()


def test_many_numbers_or_classes_give_the_linear_model_alone() -> None:
    assert ClosedForm(spec_of(numbers=37), additive=True).ramps is not None  # 37 * 16 columns
    assert ClosedForm(spec_of(numbers=38), additive=True).ramps is None
    assert ClosedForm(spec_of("multiclass", 33), additive=True).ramps is None
    assert ClosedForm(spec_of(), additive=False).ramps is None


def test_rows_without_weight_do_not_count() -> None:
    targets = INPUTS[:, :1].abs()
    weights = (torch.arange(300) < 200).float()
    spoiled = torch.where(weights.unsqueeze(1) > 0, targets, targets + 50)
    model = fitted(spec_of(), INPUTS, spoiled, weights=weights)
    assert (model(INPUTS) - targets).square().mean() < 0.02


def test_fitting_draws_no_random_numbers_of_the_run() -> None:
    before = torch.get_rng_state()
    first, second = (fitted(spec_of(), INPUTS, INPUTS[:, :1].abs()) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first(INPUTS), second(INPUTS))


def test_losses_are_those_of_the_goal() -> None:
    numbers = _losses(spec_of("regression", 2), torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[3.0, 2.0]]))
    assert numbers.tolist() == [2.0]  # (4 + 0) / 2
    logits = torch.tensor([[2.0, 0.0, 1.0]]).double()
    classes = _losses(spec_of("multiclass", 3), logits, torch.tensor([1]))
    torch.testing.assert_close(classes, -F.log_softmax(logits, dim=1)[:, 1])
    binary = _losses(spec_of("binary", 2), logits[:, :1], torch.tensor([1]))
    torch.testing.assert_close(binary, -F.logsigmoid(logits[:, 0]))


def test_standard_errors_of_a_difference() -> None:
    assert _standard_errors(torch.tensor([1.0, 3.0])) == pytest.approx(2.0)  # mean 2; deviation 1.414 / 1.414
    assert _standard_errors(torch.zeros(5)) == 0.0
