"""The scorer: the Fréchet distance by hand, the data it is trained on, and that the run's random state is unchanged."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.options.datasets.digits import digits
from dlrun.tasks.sample_quality import SampleScorer, frechet_distance


@pytest.fixture(scope="module")
def data() -> DataBundle:
    return prepare("digits", digits(), DatasetSettings())


@pytest.fixture(scope="module")
def scorer(data: DataBundle) -> SampleScorer:
    return SampleScorer(data, to_unit)


def to_unit(images: Tensor) -> Tensor:
    return images / 2


def test_frechet_distance_of_one_feature_by_hand() -> None:
    first, second = torch.tensor([[0.0], [2.0]]), torch.tensor([[5.0], [5.0], [11.0]])
    expected = (7 - 1) ** 2 + (math.sqrt(2) - math.sqrt(12)) ** 2  # variances 2 and 12
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_two_features_by_hand() -> None:
    first = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]])  # covariance diag(2/3, 8/3)
    second = first.flip(1) + 3  # diag(8/3, 2/3), means 3 apart
    expected = 18 + 2 * (math.sqrt(8 / 3) - math.sqrt(2 / 3)) ** 2
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_correlated_features() -> None:
    torch.manual_seed(0)
    first = (torch.randn(200, 5) @ torch.randn(5, 5)).double()
    second = (torch.randn(300, 5) @ torch.randn(5, 5)).double()
    product = torch.cov(first.T) @ torch.cov(second.T)
    crossed = torch.linalg.eigvals(product).real.clamp(min=0).sqrt().sum()
    expected = (first.mean(0) - second.mean(0)).square().sum() + first.var(0).sum() + second.var(0).sum() - 2 * crossed
    assert frechet_distance(first, second) == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_it_classifies_held_out_digits(scorer: SampleScorer) -> None:
    assert scorer.accuracy >= 0.97
    assert scorer.reference["confidence"] > 0.95
    assert scorer.reference["classes"] == 10


def test_real_images_score_higher_than_noise(scorer: SampleScorer, data: DataBundle) -> None:
    assert data.test is not None
    real = scorer.measure(to_unit(data.test.fetch(slice(None)).inputs))
    noise = scorer.measure(torch.rand(500, 1, 8, 8) * 2 - 1)
    assert real["frechet_distance"] < 10 < 50 < noise["frechet_distance"]
    assert real["classes"] == 10
    assert real["confidence"] > 0.95


def test_samples_are_compared_with_other_real_images(scorer: SampleScorer, data: DataBundle) -> None:
    assert data.test is not None
    real = to_unit(data.test.fetch(slice(None)).inputs)
    assert scorer.measure(real, real=real)["frechet_distance"] == pytest.approx(0, abs=1e-6)
    assert scorer.measure(real)["frechet_distance"] > 0.1


def test_one_repeated_image_is_one_class(scorer: SampleScorer, data: DataBundle) -> None:
    scores = scorer.measure(to_unit(data.train.fetch(slice(0, 1)).inputs).expand(100, -1, -1, -1))
    assert scores["classes"] == 1


def test_it_uses_training_and_validation_rows_only_and_restores_the_random_state(
    scorer: SampleScorer, data: DataBundle
) -> None:
    without_test = DataBundle("digits", data.train, data.val, None, data.spec, data.fingerprint)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    again = SampleScorer(without_test, to_unit)
    assert torch.equal(torch.get_rng_state(), before)
    assert again.reference == scorer.reference


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_on_a_gpu_too_the_judge_does_not_depend_on_the_random_state_and_restores_it(
    data: DataBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlrun.tasks.sample_quality._MAX_STEPS", 3)
    there = data.to(torch.device("cuda"))
    torch.cuda.manual_seed(1)
    before, first = torch.cuda.get_rng_state(), SampleScorer(there, to_unit).reference
    assert torch.equal(torch.cuda.get_rng_state(), before)
    torch.cuda.manual_seed(2)
    assert SampleScorer(there, to_unit).reference == pytest.approx(first, rel=0.01)


def test_without_held_out_splits_it_compares_with_training_rows(data: DataBundle) -> None:
    small = prepare("digits", digits(), DatasetSettings(limit=100, val_fraction=0, test_fraction=0))
    assert small.val is None
    assert SampleScorer(small, to_unit).reference["frechet_distance"] == pytest.approx(0, abs=1e-6)
