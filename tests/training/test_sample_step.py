"""dlrun.training.sample_step: the rows of a step that is only looked at."""

from __future__ import annotations

import pytest

from dlrun.configuration.schema.catalog import Catalog
from dlrun.training.build import Components, build_components
from dlrun.training.sample_step import longest_rows, usual_rows
from tests.harness import CPU, configure


@pytest.fixture(scope="module")
def texts() -> Components:
    words = ("dataset=text", "dataset.path=example:reviews.csv", "model=text", "trainer.batch_size=4")
    return build_components(configure(*words, *CPU), Catalog())


def test_the_longest_texts_need_most_memory(texts: Components) -> None:
    lengths, found = texts.data.train.lengths, longest_rows(texts.data, texts.config).lengths
    assert lengths is not None
    assert found is not None
    assert sorted(found.tolist()) == sorted(lengths.tolist())[-4:]


def test_usual_texts_have_about_the_mean_length(texts: Components) -> None:
    lengths, found = texts.data.train.lengths, usual_rows(texts.data, texts.config).lengths
    assert lengths is not None
    assert found is not None
    mean = float(lengths.double().mean())
    assert len(found) == 4
    assert (found - mean).abs().max() <= 0.5
    assert lengths.max() >= mean + 5


def test_no_more_than_eight_rows_are_looked_at() -> None:
    found = build_components(configure("dataset=iris", "model=linear", "trainer.batch_size=32", *CPU), Catalog())
    assert len(usual_rows(found.data, found.config).targets) == 8
