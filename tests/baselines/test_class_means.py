"""dlrun.baselines.class_means: the nearest of means worked out by hand."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.class_means import nearest_mean
from tests.baselines.rows import nothing, prepared


def images(levels: list[float]) -> torch.Tensor:
    """Images of 1x2x2 pixels, each of one level."""
    return torch.tensor(levels).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()


def test_an_image_is_of_the_class_with_the_nearest_mean() -> None:
    levels = [0.0, 2.0, 10.0, 12.0, 30.0, 5.0, 7.0, 19.0, 22.0]  # means 1, 11 and 30; between them 6 and 20.5
    data = prepared("image", "multiclass", images(levels), torch.tensor([0, 0, 1, 1, 2, 0, 1, 1, 2]), test=4)
    found = nearest_mean(data.spec, data.train, most_rows=10**9, seed=0, check=nothing)
    assert (found.name, found.kind) == ("class means", "simple")
    assert found.outputs(data.split("test").fetch(slice(None))).argmax(dim=1).tolist() == [0, 1, 1, 2]
    assert found.metrics(data.split("test"), check=nothing)["accuracy"] == 1.0


def test_two_classes_have_one_logit_that_is_positive_nearer_to_the_second() -> None:
    data = prepared(
        "image", "binary", images([0.0, 2.0, 10.0, 12.0, 5.0, 7.0]), torch.tensor([0, 0, 1, 1, 0, 1]), test=2
    )
    found = nearest_mean(data.spec, data.train, most_rows=10**9, seed=0, check=nothing)
    assert (found.outputs(data.split("test").fetch(slice(None))) > 0).tolist() == [[False], [True]]
    assert found.metrics(data.split("test"), check=nothing)["auroc"] == 1.0


@pytest.mark.parametrize(("classes", "goal"), [(3, "multiclass"), (2, "binary")])
def test_a_class_that_the_sample_lacks_is_never_predicted(classes: int, goal: str) -> None:
    targets = torch.zeros(200).long()
    targets[:classes] = torch.arange(classes)
    data = prepared("image", goal, images([float(i) for i in range(200)]), targets)  # type: ignore[arg-type]
    found = nearest_mean(data.spec, data.train, most_rows=2, seed=0, check=nothing)
    assert found.name == "class means on 2 rows"
    outputs = found.outputs(data.train.fetch(slice(None)))
    assert torch.isfinite(outputs).all()
    assert (outputs.argmax(dim=1) == 0).all() if classes == 3 else (outputs < 0).all()
