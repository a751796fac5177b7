"""dlrun.baselines.parts: several targets are measured one by one, with and without weights."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.measure import measure_baselines
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import Part
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Rows, Source
from dlrun.tasks.goals import goal_of
from tests.baselines.rows import nothing


def made(*, weighted: bool) -> tuple[DataBundle, DataBundle, DataBundle]:
    """Return rows with a number and a class to predict, and the same rows with only the number, and only the class."""
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(300, 4, generator=drawn)
    number, classes = inputs[:, 0] + 0.1 * torch.randn(300, generator=drawn), (inputs[:, 1] > 0.3).long()
    weights = torch.rand(300, generator=drawn) if weighted else None
    parts = (Part("n", "regression"), Part("c", "binary", ("no", "yes")))

    def rows(targets: torch.Tensor, first: int, end: int) -> Rows:
        return Rows(inputs[first:end], targets[first:end], weights=None if weights is None else weights[first:end])

    def bundle(goal: str, targets: torch.Tensor, of: tuple[Part, ...] = ()) -> DataBundle:
        source = Source(goal=goal, kind="dense", train=rows(targets, 0, 200), test=rows(targets, 200, 300), parts=of)  # type: ignore[arg-type]
        return prepare("made", source, DatasetSettings(val_fraction=0.0, standardise_target=goal != "binary"))

    both = torch.stack([number, classes.float()], dim=1)
    return bundle("several", both, parts), bundle("regression", number), bundle("binary", classes)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_target_has_the_baselines_that_it_has_alone(*, weighted: bool) -> None:
    several, number, classes = made(weighted=weighted)
    found = measure_baselines(several, ["test"], seed=0, check=nothing)
    assert [(each.name, each.kind) for each in found] == [
        ("mean or largest class", "trivial"),
        ("linear models", "simple"),
    ]
    for joined, of_number, of_classes in zip(
        found,
        measure_baselines(number, ["test"], seed=0, check=nothing),
        measure_baselines(classes, ["test"], seed=0, check=nothing),
        strict=True,
    ):
        expected = {f"{name}_n": value for name, value in of_number.metrics.items()}
        expected |= {f"{name}_c": value for name, value in of_classes.metrics.items()}
        assert joined.metrics == pytest.approx(expected)
        assert {f"test/{name}" for name in goal_of(several.spec).metrics_of(several.spec)} > set(joined.metrics)
    assert found[1].metrics["test/r2_n"] > 0.9 > 0.8 < found[1].metrics["test/accuracy_c"]


def test_weights_change_the_baselines() -> None:
    plain, weighted = made(weighted=False)[1], made(weighted=True)[1]
    for one, other in zip(
        measure_baselines(plain, ["test"], seed=0, check=nothing),
        measure_baselines(weighted, ["test"], seed=0, check=nothing),
        strict=True,
    ):
        assert one.metrics["test/rmse"] != other.metrics["test/rmse"]
