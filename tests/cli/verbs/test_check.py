"""`dlrun check`: everything wrong, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conftest import SHORT

Dlrun = Callable[..., tuple[int, str, str]]


def test_check_finds_nothing_wrong_and_trains_nothing(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, _ = dlrun("check", *SHORT)
    assert code == 0
    assert "Nothing is wrong." in out
    assert list(own_folder.iterdir()) == []
    code, out, _ = dlrun("check", "-m", *SHORT, "optimizer.lr=0.1,0.2")
    assert "Nothing is wrong with any of 2 points." in out


def test_check_finds_what_only_the_data_tells(dlrun: Dlrun) -> None:
    code, _, err = dlrun("check", "-m", "dataset=iris", "model=linear,cnn,gan")
    assert code == 2
    assert "A CNN needs images" in err
    assert "model=gan" in err
