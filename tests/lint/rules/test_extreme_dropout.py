from __future__ import annotations

from tests.lint.conftest import Examine
from tests.lint.rules.conftest import Only, WritePlugin

ID = "extreme-dropout"


def test_dropout_of_nearly_everything_is_found_and_mended(only: Only, check: Examine) -> None:
    words = ("dataset=digits", "model=rnn", "model.embedding_dropout=0.1")
    found = only(ID, *words, "model.dropout=0.9")
    assert (found.severity, found.key, found.fix) == ("warning", "model.dropout", "model.dropout=0.5")
    assert "0.1 of the units are left" in found.message
    assert not check(*words, "model.dropout=0.5")


def test_it_is_found_in_the_users_own_model(write_plugin: WritePlugin, only: Only) -> None:
    body = "nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.8), nn.Linear(32, 3))"
    found = only(ID, "dataset=iris", "model=drops", plugins=(write_plugin("drops", body),))
    assert (found.key, found.fix) == ("model", None)
    assert "model.2 drops 0.8 of its units" in found.message
