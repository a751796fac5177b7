"""dlrun.tasks.parts: several targets have the losses, metrics and predictions that each has alone."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from dlrun.data.goals import Part
from dlrun.data.spec import DataSpec
from dlrun.options.losses.auto import auto
from dlrun.tasks.goals import goal_of, num_logits
from dlrun.tasks.parts import labels_of, part_specs, targets_of_parts
from dlrun.tasks.weighted import weighted_loss

PARTS = (
    Part("colour", "multiclass", ("red", "green", "blue")),
    Part("price (€)", "regression"),
    Part("sold", "binary", ("no", "yes")),
)
SPEC = DataSpec("dense", (2,), "several", 3, parts=PARTS, target_mean=(0.0, 5.0, 0.0), target_std=(1.0, 2.0, 1.0))
CPU = torch.device("cpu")


def made(count: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs (N, 5), targets (N, 3) and weights (N,)."""
    drawn = torch.Generator().manual_seed(1)
    colours, sold = torch.randint(0, 3, (count,), generator=drawn), torch.randint(0, 2, (count,), generator=drawn)
    targets = torch.stack([colours, torch.randn(count, generator=drawn), sold], dim=1).float()
    return torch.randn(count, 5, generator=drawn), targets, torch.rand(count, generator=drawn)


def test_each_part_has_a_spec_and_outputs_of_its_own() -> None:
    colour, price, sold = part_specs(SPEC)
    assert (colour.goal, colour.num_outputs, colour.class_names) == ("multiclass", 3, ("red", "green", "blue"))
    assert (price.goal, price.num_outputs, price.target_mean, price.target_std) == ("regression", 1, 5.0, 2.0)
    assert (sold.goal, num_logits(sold)) == ("binary", 1)
    assert num_logits(SPEC) == 3 + 1 + 1
    assert goal_of(SPEC).output_shape(SPEC, 7) == (7, 5)
    unscaled = DataSpec("dense", (2,), "several", 3, parts=PARTS)
    assert [spec.target_std for spec in part_specs(unscaled)] == [1.0, 1.0, 1.0]
    classes, numbers, _ = targets_of_parts(PARTS, made()[1])
    assert (classes.dtype, classes.shape, numbers.dtype, numbers.shape) == (torch.int64, (40,), torch.float32, (40, 1))


def test_labels_are_names_of_metrics_and_differ() -> None:
    names = ("a", "price (€)", "x/y", "x_y", "??", "größe")
    assert labels_of([Part(name, "regression") for name in names]) == ["a", "price", "x_y", "x_y_4", "5", "größe"]


@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_metrics_are_those_of_each_target_alone(*, weighted: bool) -> None:
    outputs, targets, drawn = made()
    weights = drawn if weighted else None
    loss, goal = auto(SPEC), goal_of(SPEC)
    total = loss.weighted(outputs, targets, drawn) if weighted else loss(outputs, targets)  # type: ignore[operator]
    meter = goal.meter(SPEC, CPU)
    for rows in (slice(0, 15), slice(15, 40)):
        part = None if weights is None else weights[rows]
        of_batch = (
            loss(outputs[rows], targets[rows]) if part is None else loss.weighted(outputs[rows], targets[rows], part)  # type: ignore[operator]
        )
        meter.add(outputs[rows], targets[rows], of_batch, part)
    found = meter.result()
    expected, losses = {}, []
    slices = (slice(0, 3), slice(3, 4), slice(4, 5))
    for label, spec, place, of_part in zip(
        labels_of(PARTS), part_specs(SPEC), slices, targets_of_parts(PARTS, targets), strict=True
    ):
        alone = goal_of(spec).meter(spec, CPU)
        one = auto(spec)
        value = one(outputs[:, place], of_part)
        if weights is not None:
            form = weighted_loss(one)
            assert form is not None
            value = form(outputs[:, place], of_part, weights)
        alone.add(outputs[:, place], of_part, value, weights)
        losses.append(value)
        expected |= {f"{name}_{label}": each for name, each in alone.result().items() if name != "loss"}
    torch.testing.assert_close(total, torch.stack(losses).sum())
    assert found.pop("loss") == pytest.approx(total.item(), rel=1e-5 if not weighted else 1e-4)
    assert found == pytest.approx(expected, rel=1e-6)
    assert {"loss", *expected} == set(goal.metrics_of(SPEC))
    assert goal.progress_of(SPEC) == ("accuracy_colour", "rmse_price", "accuracy_sold")
    assert next(iter(goal.metrics_of(SPEC))) == "loss"


def test_predictions_have_a_column_for_each_target() -> None:
    outputs = torch.tensor([[0.0, 3.0, 0.0, 1.5, -1.0]])
    columns = goal_of(SPEC).columns(SPEC, outputs, probabilities=True)
    assert list(columns) == [
        "colour", "probability_colour_red", "probability_colour_green", "probability_colour_blue", "price (€)", "sold",
        "probability_sold_no", "probability_sold_yes",
    ]  # fmt: skip
    assert (columns["colour"], columns["price (€)"], columns["sold"]) == (["green"], [8.0], ["no"])
    assert list(goal_of(SPEC).columns(SPEC, outputs, probabilities=False)) == ["colour", "price (€)", "sold"]


def test_several_numbers_have_metrics_for_all_and_for_each() -> None:
    parts = (Part("a", "regression"), Part("b", "regression"))
    spec = DataSpec("dense", (2,), "regression", 2, ("a", "b"), parts=parts, target_std=(1.0, 10.0))
    goal = goal_of(spec)
    metrics = goal.metrics_of(spec)
    assert list(metrics) == ["loss", "rmse", "mae", "r2", "rmse_a", "mae_a", "r2_a", "rmse_b", "mae_b", "r2_b"]
    meter = goal.meter(spec, CPU)
    outputs, targets = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    meter.add(outputs, targets, torch.tensor(1.5))
    found = meter.result()
    assert set(found) == set(metrics)
    assert (found["mae_a"], found["mae_b"]) == (0.5, 15.0)
    assert (found["rmse_a"], found["rmse_b"]) == pytest.approx((0.5**0.5, 250**0.5))
    r2 = [found[name] for name in ("r2_a", "r2_b", "r2")]  # of b: 1 - 5 / 0.5; all targets of a are equal
    assert r2 == pytest.approx([math.nan, -9.0, math.nan], nan_ok=True)
    without = DataSpec("dense", (2,), "regression", 2, ("a", "b"))
    assert list(goal_of(without).metrics_of(without)) == ["rmse", "mae", "r2", "loss"]


def test_a_spec_is_restored_with_its_parts_and_one_without_them_too() -> None:
    state = json.loads(json.dumps(SPEC.state()))
    assert DataSpec.restored(state) == SPEC
    del state["parts"]
    assert DataSpec.restored(state).parts == ()
    described = "2 features, 3 targets: colour (3 classes), price (€) (number), sold (2 classes)"
    assert SPEC.describe() == described
