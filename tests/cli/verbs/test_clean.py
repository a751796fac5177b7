"""dlrun clean: what is removed and what remains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]


def test_clean_keeps_the_best_and_the_newest(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("a", "checkpoint.keep=9", "trainer.epochs=5") / "checkpoints"
    (folder / "step-1.damaged").mkdir()
    (folder / ".step-9.1.tmp").mkdir()
    best = (folder / "best").read_text().strip()
    code, out, err = dlrun("clean", "a", "--keep", "1")
    assert code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {best, (folder / "last").read_text().strip(), "best", "last"}
    assert "step-1.damaged" in out
    assert "MiB freed" in err
    code, _, err = dlrun("clean", "a", "--keep", "none")
    assert code == 2
    assert "Expected a whole number from 1 to" in err
    assert dlrun("eval", "a")[0] == 0
