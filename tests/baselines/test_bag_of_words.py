"""dlrun.baselines.bag_of_words: TF-IDF worked out by hand, and texts that a word decides."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.baselines.bag_of_words import Weighting, bag_of_words
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import Batch, DataSpec
from tests.baselines.rows import nothing

PADDING = 0


def test_rows_are_sublinear_counts_times_inverse_frequency_of_length_one() -> None:
    texts = Batch(torch.tensor([[2, 3, 2], [3, PADDING, PADDING]]), torch.tensor([0, 1]), torch.tensor([3, 1]))
    rows = Weighting.fitted(texts, 5).rows(texts)
    twice = (1 + math.log(2)) * (math.log(3 / 2) + 1)  # token 2: twice in this text, in one of two texts
    once = 1.0 * (math.log(3 / 3) + 1)  # token 3: in both
    length = math.hypot(twice, once)
    expected = torch.tensor([[0, 0, twice / length, once / length, 0], [0, 0, 0, 1, 0]])
    torch.testing.assert_close(rows.times(torch.eye(5)), expected)


def texts_of(num_classes: int, count: int) -> MemorySplit:
    """Return texts of random tokens, of which one, at any place, names the class."""
    draw = torch.Generator().manual_seed(count)
    inputs = torch.randint(10, 60, (count, 12), generator=draw)
    targets = torch.arange(count) % num_classes
    inputs[torch.arange(count), torch.randint(0, 6, (count,), generator=draw)] = 2 + targets
    return MemorySplit(inputs, targets, lengths=torch.randint(6, 13, (count,), generator=draw))


@pytest.mark.parametrize(("num_classes", "goal"), [(2, "binary"), (4, "multiclass")])
def test_the_word_that_decides_is_found(num_classes: int, goal: str) -> None:
    spec = DataSpec("tokens", (12,), goal, num_classes, vocabulary_size=60, has_lengths=True)  # type: ignore[arg-type]
    train = texts_of(num_classes, 300)
    found = bag_of_words(spec, train, num_tokens=60, most_rows=10**9, seed=0, check=nothing)
    assert (found.name, found.kind) == ("bag of words", "simple")
    assert found.metrics(texts_of(num_classes, 200), check=nothing)["accuracy"] > 0.98


def test_numbers_are_predicted_from_words_too() -> None:
    texts = texts_of(4, 400)
    train = MemorySplit(texts.inputs, texts.targets.float().unsqueeze(1) * 2 + 5, lengths=texts.lengths)
    spec = DataSpec("tokens", (12,), "regression", 1, vocabulary_size=60, has_lengths=True)
    found = bag_of_words(spec, train, num_tokens=60, most_rows=100, seed=0, check=nothing)
    assert found.name == "bag of words on 100 rows"
    assert found.metrics(train, check=nothing)["r2"] > 0.8


def test_texts_without_lengths_are_taken_whole() -> None:
    texts = Batch(torch.tensor([[2, 2], [3, 4]]), torch.tensor([0, 1]))
    rows = Weighting.fitted(texts, 5).rows(texts).times(torch.eye(5))
    assert (rows > 0).tolist() == [[False, False, True, False, False], [False, False, False, True, True]]
