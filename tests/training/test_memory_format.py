"""Channels last where a model convolves and can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.training.build import Components, build_components
from tests.harness import CPU, configure, train

PLUGIN = """from torch import nn

class {name}Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.out = nn.Linear(256, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.out({flat})

def {name}(spec):
    return {name}Net()
"""


def built(path: Path, flat: str) -> Components:
    """Return the components of a run of digits with a plugin that flattens its images by `flat`."""
    path.write_text(PLUGIN.format(name=path.stem, flat=flat))
    words = ("dataset=digits", f"model={path.stem}", *CPU)
    return build_components(configure(*words, plugins=(path,)), Catalog(plugins=(path,)))


@pytest.mark.parametrize(
    ("flat", "is_last"), [("x.flatten(1)", True), ("x.view(-1, 256)", False), ("x.view(x.size(0), -1)", False)]
)
def test_a_model_that_views_its_images_stays_contiguous(tmp_path: Path, flat: str, is_last: bool) -> None:
    components = built(tmp_path / "mine.py", flat)
    assert components.data.train.channels_last is is_last
    assert components.task(components.data.train.fetch(slice(0, 8))).shape == (8, 10)  # type: ignore[operator]


def test_the_same_weights_come_of_both(tmp_path: Path) -> None:
    first, second = built(tmp_path / "a.py", "x.flatten(1)"), built(tmp_path / "b.py", "x.view(-1, 256)")
    rows = slice(0, 8)
    outputs = [each.task(each.data.train.fetch(rows)) for each in (first, second)]  # type: ignore[operator]
    assert torch.allclose(*outputs, atol=1e-6)


def test_a_shipped_cnn_is_channels_last(tmp_path: Path) -> None:
    words = ("dataset=digits", "model=cnn", "model.channels=[4,8]", *CPU)
    components = build_components(configure(*words), Catalog())
    weights = [each for each in components.task.parameters() if each.ndim == 4 and each.shape[1] > 1]
    assert [each.is_contiguous(memory_format=torch.channels_last) for each in weights] == [True]
    assert not weights[0].is_contiguous()
    train(tmp_path / "a", *words, "trainer.max_steps=2", "trainer.epochs=null")
