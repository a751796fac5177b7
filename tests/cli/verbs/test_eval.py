"""`dlrun eval`: metrics of the best checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]


def test_eval_gives_the_metrics_of_the_best_checkpoint(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("mine")
    expected = json.loads((folder / "result.json").read_text())["metrics"]
    for split in ("val", "test"):
        code, out, _ = dlrun("eval", "mine", "--split", split, "--json")
        assert code == 0
        assert json.loads(out) == {name: value for name, value in expected.items() if name.startswith(split)}
    _, out, _ = dlrun("eval", "mine")
    assert out.splitlines()[0].split() == ["metric", "test"]


def test_a_damaged_checkpoint_cannot_be_evaluated(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("mine")
    best = (folder / "checkpoints" / "best").read_text().strip()
    (folder / "checkpoints" / best / "model.safetensors").write_bytes(b"")
    code, _, err = dlrun("eval", "mine")
    assert code == 5
    assert "model.safetensors: damaged: 0 bytes" in err
