"""dlrun.runs.export.preprocessors: preprocessing inside a graph, against the run's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dlrun.data.media.audio import log_mel
from dlrun.data.spec import DataSpec, Scaling
from dlrun.runs.export.preprocessors import (
    AudioPreprocessor,
    ImagesPreprocessor,
    LogMel,
    NumbersPreprocessor,
    TablePreprocessor,
    TokensPreprocessor,
    block_names,
)


def dense(features: int, **more: object) -> DataSpec:
    return DataSpec("dense", (features,), "regression", 1, **more)  # type: ignore[arg-type]


def test_numbers_are_scaled_as_in_training() -> None:
    preprocessor = NumbersPreprocessor(dense(2, scaling=Scaling((1.0, 10.0), (2.0, 5.0), 0.0, 1.0)))
    found, lengths = preprocessor(torch.tensor([[3.0, 0.0]]))
    assert found.tolist() == [[1.0, -2.0]]
    assert lengths is None
    assert not preprocessor.keeps
    assert NumbersPreprocessor(dense(2)).keeps


def test_images_get_their_border_before_they_are_scaled() -> None:
    spec = DataSpec("image", (1, 3, 3), "multiclass", 2, scaling=Scaling((4.0,), (2.0,), 0.0, 16.0))
    preprocessor = ImagesPreprocessor(spec, pad=1)
    (value,) = preprocessor.values
    assert value.as_json() == {
        "name": "images",
        "dtype": "float32",
        "shape": ["batch", 1, 1, 1],
        "meaning": "pixels from 0 to 16, channels first",
        "range": [0.0, 16.0],
    }
    found, _ = preprocessor(torch.tensor([[[[8.0]]]]))
    assert found[0, 0].tolist() == [[-2, -2, -2], [-2, 2, -2], [-2, -2, -2]]


def test_tokens_and_lengths_stay_as_they_are() -> None:
    spec = DataSpec("tokens", (9,), "binary", 2, vocabulary_size=5, has_lengths=True)
    preprocessor = TokensPreprocessor(spec, free=True)
    assert [(value.name, value.shape, value.longest) for value in preprocessor.values] == [
        ("tokens", ("batch", "time"), 9),
        ("lengths", ("batch",), None),
    ]
    tokens, lengths = torch.ones(2, 4, dtype=torch.int64), torch.tensor([4, 2])
    assert preprocessor(tokens, lengths) == (tokens, lengths)


def test_log_mel_is_that_of_the_dataset() -> None:
    samples = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    found = LogMel(8000, 12, 25.0, 10.0)(samples)
    for row, one in zip(found, samples, strict=True):
        assert torch.allclose(row, log_mel(one, rate=8000, mels=12, window_ms=25.0, hop_ms=10.0), atol=1e-3)
    assert found.shape == (2, 1000 // 80 + 1, 12)


def test_sound_becomes_one_scaled_image() -> None:
    settings = {"rate": 8000, "seconds": 0.1, "mels": 5, "window_ms": 25.0, "hop_ms": 10.0}
    spec = DataSpec("image", (1, 11, 5), "multiclass", 2, scaling=Scaling((-13.0,), (2.0,), -14.0, 1.0))
    preprocessor = AudioPreprocessor(spec, settings, pad=0)
    assert preprocessor.values[0].shape == ("batch", 800)
    found, _ = preprocessor(torch.zeros(1, 800))
    assert torch.allclose(found, torch.full((1, 1, 11, 5), (np.log(1e-6) + 13) / 2).float(), atol=1e-5)


@pytest.mark.parametrize("embed", [False, True])
def test_a_table_is_filled_flagged_and_coded_as_its_encoder_does(embed: bool) -> None:
    state = {
        "columns": [["age", "number"], ["sex", "category"], ["fit", "boolean"]],
        "lacking": [True, True, False],
        "embed": embed,
        "medians": [30.0, 0.0, 1.0],
        "kept": {"sex": ["female", "male"]},
    }
    features = 4 if embed else 3 + 3
    preprocessor = TablePreprocessor(dense(features, categories=(4,) if embed else ()), state)
    assert [value.name for value in preprocessor.values] == ["numbers", "categories"]
    numbers = torch.tensor([[20.0, 0.0], [float("nan"), float("nan")]])
    found, _ = preprocessor(numbers, torch.tensor([[2], [3]]))
    plain = [[20.0, 0.0, 0.0], [30.0, 1.0, 1.0]]  # age, fit, and the flag of a missing age
    codes = [[2.0], [3.0]] if embed else [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert found.tolist() == [[*one, *other] for one, other in zip(plain, codes, strict=True)]


def test_texts_and_images_of_a_table_are_numbered_by_kind(data: Path) -> None:
    from dlrun.data.spec import Block

    blocks = [Block("a", "text", 0, (3,), 9), Block("b", "image", 3, (1, 2, 2)), Block("c", "text", 7, (2,), 9)]
    assert [name for name, _ in block_names(blocks)] == ["text_1", "image_1", "text_2"]
