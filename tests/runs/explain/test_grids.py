"""Integrated gradients of images, sounds and steps, on models whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from dlrun.data.media.audio import FLOOR, AudioEncoder
from dlrun.data.spec import DataSpec, Scaling
from dlrun.data.tables.series import SeriesEncoder, SeriesFormat
from dlrun.options.models.rnn import rnn
from dlrun.runs.explain.grids import explain_image, explain_sound, explain_steps
from dlrun.runs.explain.outputs import Question, answer_of
from tests.runs.explain.known import linear, loaded, model_of, needs_captum, row

pytestmark = needs_captum
ZERO = torch.zeros(1, 1)


def test_the_pixels_of_a_linear_model_add_their_weight_times_their_brightness() -> None:
    spec = DataSpec("image", (2, 2, 2), "regression", 1, scaling=Scaling((0.0, 0.0), (255.0, 51.0), 0.0, 255.0))
    run = loaded(spec, linear(torch.tensor([[1.0, 2.0, 3.0, 4.0, 0.0, 1.0, 0.0, -1.0]])))
    raw = torch.tensor([[[255, 0], [51, 0]], [[0, 51], [0, 255]]], dtype=torch.uint8)
    found = explain_image(run, model_of(run), row(raw), answer_of(run, Question(), ZERO))
    assert found.grid is not None
    assert found.grid.tolist() == [[pytest.approx(1), pytest.approx(1)], [pytest.approx(0.6), pytest.approx(-5)]]
    assert [share.name for share in found.parts["pixel"]][1:3] == ["row 1, column 2", "row 2, column 1"]
    assert (found.baseline, found.method) == ("a black image", "integrated gradients, 32 steps")
    assert found.missing == pytest.approx(0, abs=1e-5)


def test_the_border_of_a_run_is_not_shown() -> None:
    spec = DataSpec("image", (1, 4, 4), "regression", 1, scaling=Scaling((0.0,), (1.0,), 0.0, 255.0))
    run = loaded(spec, linear(torch.ones(1, 16)), "dataset=digits", "dataset.pad=1")
    raw = torch.tensor([[[1, 2], [3, 4]]], dtype=torch.uint8)
    found = explain_image(run, model_of(run), row(raw), answer_of(run, Question(), ZERO))
    assert found.grid is not None
    assert found.grid == pytest.approx(np.array([[1.0, 2.0], [3.0, 4.0]]), abs=1e-5)
    assert [share.value for share in found.parts["pixel"]] == ["1", "2", "3", "4"]


def test_a_deep_network_adds_up_within_a_hundredth() -> None:
    torch.manual_seed(0)
    spec = DataSpec("image", (1, 8, 8), "multiclass", 3, class_names=("a", "b", "c"))
    layers = [nn.Conv2d(1, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 16), nn.ReLU()]
    run = loaded(spec, nn.Sequential(*layers, nn.Linear(16, 3)))
    answer = answer_of(run, Question(class_name="b"), torch.zeros(1, 3))
    found = explain_image(run, model_of(run), row(torch.randn(1, 8, 8) * 3), answer)
    assert abs(found.missing) <= 0.01 * abs(found.value - found.base)


def test_sound_is_explained_by_moments_and_bands_against_silence() -> None:
    settings = {"rate": 8000, "seconds": 0.02, "mels": 2, "window_ms": 10.0, "hop_ms": 10.0}
    spec = DataSpec("image", (1, 3, 2), "regression", 1)
    run = loaded(spec, linear(torch.tensor([[1.0, 0.0, 2.0, 0.0, 0.0, -1.0]])), encoder=AudioEncoder(settings))
    raw = math.log(FLOOR) + torch.tensor([[[1.0, 5.0], [2.0, 0.0], [0.0, 3.0]]])
    found = explain_sound(run, model_of(run), row(raw), answer_of(run, Question(), ZERO))
    times = [(share.name, pytest.approx(share.amount, abs=1e-4)) for share in found.parts["time"]]
    assert times == [("0.000 s", 1), ("0.010 s", 4), ("0.020 s", -3)]
    bands = [(share.name, pytest.approx(share.amount, abs=1e-4)) for share in found.parts["band"]]
    # thirds between 20 Hz and 4000 Hz in mel: 31.7 to 2146.1
    assert bands == [("646 Hz", 5), ("1815 Hz", -3)]
    assert found.grid == pytest.approx(np.array([[0, 0, -3.0], [1.0, 4.0, 0]]), abs=1e-4)  # high frequencies above


def test_the_steps_of_a_series_are_counted_from_its_last_row() -> None:
    spec = DataSpec("sequence", (3, 2), "regression", 1, scaling=Scaling((10.0, 0.0), (1.0, 2.0), 0.0, 20.0))
    encoder = SeriesEncoder(SeriesFormat(["heat", "rain"], ["heat"], None, 3, None, "utf-8"))
    run = loaded(spec, linear(torch.tensor([[0.0, 0.0, 1.0, 0.0, 3.0, -1.0]])), encoder=encoder)
    raw = torch.tensor([[9.0, 2.0], [12.0, 4.0], [11.0, 6.0]])
    found = explain_steps(run, model_of(run), row(raw), answer_of(run, Question(), ZERO))
    steps = [(share.name, pytest.approx(share.amount, abs=1e-5)) for share in found.parts["step"]]
    assert steps == [("t-2", 0), ("t-1", 2), ("t", 0)]  # 12 - 10; 3 * (11 - 10) - 6 / 2
    columns = [(share.name, pytest.approx(share.amount, abs=1e-5)) for share in found.parts["column"]]
    assert columns == [("heat", 5), ("rain", -3)]
    assert found.baseline == "the means of the training rows"


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_recurrent_networks_with_rows_of_several_lengths(cell: str) -> None:
    torch.manual_seed(0)
    spec = DataSpec("sequence", (6, 2), "regression", 1, has_lengths=True)
    model = rnn(
        spec, cell=cell, hidden=8, layers=1, bidirectional=True, pool="last", dropout=0.0, embedding_dropout=0.0,
        embedding=1, embedding_std=1.0, forget_bias=0.0, init="default",
    )  # type: ignore[arg-type]  # fmt: skip
    run = loaded(spec, model)
    given = row(torch.randn(4, 2) * 3, length=4)
    found = explain_steps(run, model_of(run), given, answer_of(run, Question(), ZERO))
    assert [share.name for share in found.parts["step"]] == ["1", "2", "3", "4"]
    assert found.value == pytest.approx(float(model_of(run).answer(given)), rel=1e-4)
    assert abs(found.missing) <= 0.01 * abs(found.value - found.base)
