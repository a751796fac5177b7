"""Losses of a language model by place, and its worst windows."""

from __future__ import annotations

import math

import pytest
import torch

from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import fit_tokenizer
from dlrun.runs.analysis.tokens import TokenObserver


def test_loss_by_place_and_the_worst_window_token_by_token() -> None:
    tokenizer = fit_tokenizer(["ab"], name="characters", lowercase=False, max_vocabulary=10, min_count=1)
    a, b = tokenizer.ids("ab")
    shares = torch.full((2, 2, tokenizer.size), 1e-9)
    shares[0, 0, a], shares[0, 1, b] = 1.0, 1.0  # the first window is known
    shares[1, 0, a], shares[1, 0, b], shares[1, 1, b] = 0.5, 0.5, 1.0
    observer = TokenObserver(LanguageEncoder(tokenizer, context=2, encoding="utf-8"), most=1)
    observer.add(0, shares.log(), torch.tensor([[a, b], [a, b]]), None)
    report = observer.report()
    assert report.by_position == pytest.approx([math.log(2) / 2, 0], abs=1e-5)
    ((mean, tokens),) = report.windows
    assert mean == pytest.approx(math.log(2) / 2, abs=1e-5)
    assert [token.text for token in tokens] == ["a", "b"]
    assert [token.loss for token in tokens] == pytest.approx([math.log(2), 0], abs=1e-5)
