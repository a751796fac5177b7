"""Each planted mistake is found, by its own id, and its cure mends it; the configuration without it is good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dlrun.lint.finding import Finding
from tests.lint.conftest import Examine
from tests.lint.planted import PLANTED, Planted, source


def plugin(folder: str, body: str) -> Path:
    """Write the file of a model into a folder of its own, since its name is the model's."""
    path = Path(folder, "mine.py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(source(body), encoding="utf-8")
    return path


def found_in(planted: Planted, check: Examine, words: Sequence[str], *, sound: bool) -> list[Finding]:
    """Return what is found in a planted configuration, with the spoiled or the sound model of its own."""
    plugins = []
    if planted.model is not None:
        plugins = [plugin("sound", planted.model[1]) if sound else plugin("spoiled", planted.model[0])]
    return check(*planted.good.split(), *words, plugins=plugins, deep=planted.deep)


def test_at_least_thirty_are_planted() -> None:
    assert len({planted.name for planted in PLANTED}) == len(PLANTED) >= 30


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_planted_mistake_is_found_and_its_cure_mends_it(planted: Planted, check: Examine, own_folder: Path) -> None:
    if planted.data is not None:
        planted.data(own_folder)
    mistake = planted.mistake.split()
    assert found_in(planted, check, (), sound=True) == []
    findings = found_in(planted, check, mistake, sound=False)
    matching = [each for each in findings if each.id in planted.ids]
    assert matching, [each.id for each in findings]
    if planted.model is not None:
        cure = []
    elif planted.cure is not None:
        cure = planted.cure.split()
    else:
        cure = [str(matching[0].fix)]
        assert cure != ["None"], "a mistake in the configuration has a fix"
    left = found_in(planted, check, [*mistake, *cure], sound=True)
    assert [each for each in left if each.id in planted.ids] == []
