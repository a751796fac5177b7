"""Rows as the model sees them."""

from __future__ import annotations

import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import Goal
from dlrun.data.source import Rows, Source
from dlrun.data.spec import DataSpec, Kind, Scaling
from dlrun.runs.analysis.reports import Mistake, Window
from dlrun.runs.analysis.rows import RawRows, as_pixels


def image_spec(low: float, high: float, channels: int = 1) -> DataSpec:
    scaling = Scaling((0.0,) * channels, (1.0,) * channels, low, high)
    return DataSpec("image", (channels, 1, 2), "binary", 2, scaling=scaling)


def test_images_are_bytes_of_their_range() -> None:
    assert as_pixels(torch.tensor([[[0.0, 16.0]]]), image_spec(0, 16)).tolist() == [[0, 255]]
    assert as_pixels(torch.tensor([[[4, 8]]], dtype=torch.uint8), image_spec(0, 16)).tolist() == [[64, 128]]
    colour = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]], [[0.0, 0.0]]])
    assert as_pixels(colour, image_spec(0, 1, 3)).tolist() == [[[0, 255, 0], [255, 0, 0]]]


def test_of_a_sound_time_goes_right_and_frequency_up() -> None:
    features = torch.tensor([[[0.0, 1.0], [2.0, 4.0]]])  # two frames of two bands
    assert as_pixels(features, image_spec(0, 1), is_sound=True).tolist() == [[64, 255], [0, 128]]


def filled(kind: Kind, goal: Goal, inputs: torch.Tensor, **more: object) -> Mistake:
    """A mistake at row 1 of the test split, whose rows are those of `inputs`."""
    raw, none = RawRows(), Rows(inputs[:0], torch.zeros(0, dtype=torch.int64))
    test = Rows(inputs, torch.zeros(len(inputs), dtype=torch.int64))
    raw.see(Source(kind, goal, none, test=test), DatasetSettings(val_fraction=0.0))
    mistake = Mistake(1, "", "", "", **more)  # type: ignore[arg-type]
    spec = DataSpec(kind, tuple(inputs.shape[1:]), goal, 2, continues=(1,) if more else ())
    raw.fill([mistake], spec, split="test")
    return mistake


def test_rows_without_names_or_words() -> None:
    found = filled("dense", "binary", torch.tensor([[0.0, 0.0], [0.5, 2.0]])).original
    assert found is not None
    assert found.cells == {"feature 1": "0.5", "feature 2": "2"}
    found = filled("tokens", "binary", torch.tensor([[1, 2], [3, 4]])).original
    assert found is not None
    assert found.text == "3 4"


def test_sequences_are_windows_and_a_forecast_continues_its_column() -> None:
    inputs = torch.tensor([[[0.0, 1.0]] * 2, [[5.0, 6.0], [7.0, 8.0]]])  # (2, T, F)
    assert [window.past for window in filled("sequence", "binary", inputs).windows] == [[5, 7], [6, 8]]
    (window,) = filled("sequence", "regression", inputs, windows=[Window("t", (), [9.0], [8.5])]).windows
    assert (window.past, window.truth, window.predicted) == ([6, 8], [9.0], [8.5])


def test_nothing_is_read_without_a_mistake() -> None:
    RawRows().fill([], image_spec(0, 1), split="test")
