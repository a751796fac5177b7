"""`dlrun check`: everything wrong, without training."""

from __future__ import annotations

import json
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


def test_a_likely_mistake_is_printed_with_its_fix(dlrun: Dlrun) -> None:
    code, out, err = dlrun("check", *SHORT, "trainer.shuffle=false")
    assert (code, err) == (0, "")
    assert "warning  trainer.shuffle  [no-shuffling]\n      The rows are not shuffled" in out
    assert "\n      fix: trainer.shuffle=true\n1 warning; a run would start.\n" in out
    assert dlrun("check", *SHORT, "trainer.shuffle=false", "--strict")[0] == 2
    assert dlrun("check", *SHORT, "--strict")[0] == 0


def test_json_lists_every_finding_and_nothing_else(dlrun: Dlrun) -> None:
    code, out, err = dlrun("check", *SHORT, "trainer.shuffle=false", "--json")
    assert (code, err) == (0, "")
    (found,) = json.loads(out)
    assert set(found) == {"id", "severity", "key", "message", "fix"}
    assert (found["id"], found["severity"], found["fix"]) == ("no-shuffling", "warning", "trainer.shuffle=true")
    assert dlrun("check", *SHORT, "--json")[1] == "[]\n"


def test_json_has_what_is_wrong_before_anything_is_built(dlrun: Dlrun) -> None:
    code, out, err = dlrun("check", "--json", "dataset=irs", "optimizer.lr=fast")
    assert (code, err) == (2, "")
    assert [(each["severity"], each["key"]) for each in json.loads(out)] == [
        ("error", "dataset=irs"),
        ("error", "optimizer.lr=fast"),
    ]


def test_wrong_data_ends_with_its_own_exit_code(dlrun: Dlrun) -> None:
    words = ("check", "dataset=table", "dataset.path=missing.csv", "dataset.target=y")
    code, _, err = dlrun(*words)
    assert code == 3
    assert "missing.csv" in err
    code, out, _ = dlrun(*words, "--json")
    assert (code, len(json.loads(out))) == (3, 1)
