"""A picture of explanations, whatever their rows consist of."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dlrun.report.plots.explanation_picture import explanation_picture
from dlrun.runs.explain.attribution import Attribution, Explanation, Look, Share

GRID = np.array([[1.0, -1.0], [0.0, 0.5]])
PARTS: dict[Look, str] = {"columns": "column", "words": "word", "steps": "step", "pixels": "pixel", "sound": "time"}


def explanation(look: Look) -> Explanation:
    shares = [Share(f"part {number}", "", 0.5 - number) for number in range(30)]
    parts = {PARTS[look]: shares, **({"column": shares[:2]} if look == "steps" else {})}
    image = np.zeros((2, 2), dtype=np.uint8) if look in ("pixels", "sound") else None
    series = {"heat": GRID[:, 0]} if look == "steps" else {}
    why = Attribution(look, 1.0, 0.0, "nothing", "a method", parts, GRID, image, series)
    return Explanation(1, "", "price", {"prediction": 2.5}, why)


def size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.size


@pytest.mark.parametrize("look", PARTS)
def test_each_look_is_drawn(look: Look) -> None:
    width, height = size(explanation_picture([explanation(look)]))
    assert 1500 < width < 1700
    assert 400 < height < 1800


def test_rows_are_below_each_other() -> None:
    one = size(explanation_picture([explanation("columns")]))
    two = size(explanation_picture([explanation("columns"), explanation("columns")]))
    assert two[0] == one[0]
    assert two[1] == pytest.approx(2 * one[1], abs=20)
