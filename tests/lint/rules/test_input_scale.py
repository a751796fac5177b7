from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.lint.rules.conftest import FindAll, Train

ID = "unscaled-inputs"


def arrays(path: Path, inputs: np.ndarray) -> tuple[str, ...]:
    np.savez(path, inputs=inputs.astype(np.float32), targets=np.arange(len(inputs)) % 2)
    return "dataset=arrays", f"dataset.path={path}", "dataset.standardise=false"


def test_features_of_very_different_sizes_are_named(find: FindAll, tmp_path: Path) -> None:
    inputs = np.tile([[1.0, 0.02, 4.0], [-1.0, -0.02, -4.0]], (40, 1))
    (found,) = find(ID, *arrays(tmp_path / "t.npz", inputs))
    assert (found.severity, found.key, found.fix) == ("warning", "dataset.standardise", "dataset.standardise=true")
    assert "feature 1 is about 0.02, and feature 2 4." in found.message
    assert not find(ID, *arrays(tmp_path / "t.npz", inputs), found.fix)


@pytest.mark.parametrize(
    ("size", "is_found"),
    [(31.0, "feature 0 is about 31"), (29.0, ""), (0.009, "all inputs are below 0.009"), (0.011, "")],
)
def test_features_far_from_one_are_found(find: FindAll, tmp_path: Path, size: float, is_found: str) -> None:
    found = find(ID, *arrays(tmp_path / "t.npz", np.tile([[size, size], [-size, size / 2]], (40, 1))))
    assert [is_found in each.message for each in found] == [True] * bool(is_found)


def test_one_feature_alone_may_be_larger(find: FindAll) -> None:
    assert not find(ID, "dataset=line")  # x up to 99
    (found,) = find(ID, "dataset=line", "dataset.rows=10000")
    assert "feature 0 is about" in found.message


@pytest.mark.parametrize("shape", [(60, 8, 2), (60, 2, 4, 4)])
def test_sequences_and_images_of_numbers_are_looked_at_by_feature(
    find: FindAll, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    inputs = np.random.default_rng(0).normal(size=shape)
    words = arrays(tmp_path / "t.npz", inputs)
    assert not find(ID, *words, "model=mlp")
    inputs[:, :, 1] *= 1000 if len(shape) == 3 else 1
    inputs[:, 1] *= 1000 if len(shape) == 4 else 1
    (found,) = find(ID, *arrays(tmp_path / "t.npz", inputs), "model=mlp")
    assert f"{'feature' if len(shape) == 3 else 'channel'} 1 " in found.message


@pytest.mark.parametrize(
    "words",
    [
        ("dataset=breast_cancer",),  # standardised
        ("dataset=breast_cancer", "dataset.standardise=false"),  # model=tabular scales by itself
        ("dataset=series", "dataset.path=example:weather.csv", "dataset.standardise=false"),
        ("dataset=digits", "dataset.standardise=false"),  # bytes become 0 to 1
        ("dataset=interactions", "dataset.path=example:ratings.csv"),  # names
        ("dataset=text", "dataset.path=example:reviews.csv", "dataset.standardise=false"),
    ],
)
def test_inputs_that_something_else_scales_are_fine(find: FindAll, words: tuple[str, ...]) -> None:
    assert not find(ID, *words)


def test_the_cure_trains_better(find: FindAll, train: Train) -> None:
    words = ("dataset=breast_cancer", "model=mlp", "model.hidden=[16]", "optimizer=sgd", "trainer.epochs=20")
    (found,) = find(ID, *words, "dataset.standardise=false")
    assert train(*words, "dataset.standardise=false")["test/accuracy"] < 0.8
    assert train(*words, str(found.fix))["test/accuracy"] > 0.9
