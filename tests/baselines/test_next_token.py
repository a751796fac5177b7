"""dlrun.baselines.next_token: probabilities by hand, and metrics that are those of the task's own meter."""

from __future__ import annotations

import pytest
import torch

from dlrun.baselines.next_token import next_token_baselines
from dlrun.data.loading.split import MemorySplit
from dlrun.data.spec import DataSpec
from dlrun.tasks.metrics import NextTokenMetrics
from tests.baselines.rows import nothing

SPEC = DataSpec("tokens", (4,), "language", 5, vocabulary_size=5)


def text(*tokens: int) -> MemorySplit:
    windows = torch.tensor(tokens)
    count = (len(windows) - 1) // 4
    return MemorySplit(windows[: count * 4].reshape(count, 4), windows[1 : count * 4 + 1].reshape(count, 4))


TRAIN = text(1, 2, 1, 2, 1, 3, 3, 1, 2)  # pairs: 1 2 three times, 2 1 twice, 1 3, 3 3 and 3 1 once


def test_probabilities_are_the_counted_ones() -> None:
    frequencies, bigrams = next_token_baselines(SPEC, TRAIN, num_tokens=5, seed=0, check=nothing)
    assert (frequencies.name, frequencies.kind) == ("token frequencies", "trivial")
    assert (bigrams.name, bigrams.kind) == ("bigrams", "simple")
    single = [1 / 13, 4 / 13, 4 / 13, 3 / 13, 1 / 13]  # of 8 next tokens: 1, 2 three times, 3 twice; one more for each
    assert frequencies.probabilities.tolist() == pytest.approx(single)
    after_one = bigrams.of_next(torch.tensor([1, 1, 1]), torch.tensor([2, 3, 4]))
    assert after_one.tolist() == pytest.approx([(3 + 2 * 4 / 13) / 6, (1 + 2 * 3 / 13) / 6, (2 * 1 / 13) / 6])
    assert bigrams.of_next(torch.tensor([4]), torch.tensor([2])).item() == pytest.approx(4 / 13)  # 4 has no successor
    assert bigrams.likeliest(torch.tensor([1, 2, 4])).tolist() == [2, 1, 1]


def test_metrics_are_those_of_the_meter() -> None:
    draw = torch.Generator().manual_seed(0)
    train, test = (
        text(*torch.randint(0, 5, (count,), generator=draw).pow(2).div(4).long().tolist()) for count in (801, 121)
    )
    for baseline in next_token_baselines(SPEC, train, num_tokens=5, seed=0, check=nothing):
        every = torch.arange(5)
        table = torch.stack([baseline.of_next(torch.full((5,), token), every) for token in range(5)])  # (V, V)
        torch.testing.assert_close(table.sum(dim=1), torch.ones(5, dtype=torch.float64))
        meter = NextTokenMetrics(torch.device("cpu"))
        batch = test.fetch(slice(None))
        meter.add(table.log()[batch.inputs].float(), batch.targets, torch.zeros(()))
        expected = {name: value for name, value in meter.result().items() if name != "loss"}
        assert baseline.metrics(test, check=nothing) == pytest.approx(expected, rel=1e-5)


def test_a_long_text_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.baselines.next_token._MOST_TOKENS", 8)
    many = text(*([1, 2, 3] * 40))
    names = [each.name for each in next_token_baselines(SPEC, many, num_tokens=5, seed=0, check=nothing)]
    assert names == ["token frequencies on 2 rows", "bigrams on 2 rows"]
