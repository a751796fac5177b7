"""`dlrun diff`: what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]


def test_recipes_are_shown_side_by_side(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("diff", "mlp_digits", "rnn_digits")
    assert code == 0
    assert out.startswith("A: mlp_digits\nB: rnn_digits\n\n")
    assert "model                  mlp (hidden: [64])  rnn" in out
    assert "promise test/accuracy  [0.947, 0.971]" in out
    code, out, _ = dlrun("diff", "mlp_digits", "mlp_digits")
    assert (code, out) == (0, "A: mlp_digits\nB: mlp_digits\nNothing differs.\n")
    code, out, _ = dlrun("diff", "mlp_digits", "mlp_digits", "--json")
    empty: dict[str, object] = {"replaced": {}, "configuration": {}, "promise": {}, "lock": {}, "data": {}}
    assert json.loads(out) == {"a": "mlp_digits", "b": "mlp_digits", "same": True, **empty}


def test_a_run_and_its_recipe(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("run")
    short_run("other", "seed=1", "trainer.batch_size=16", "optimizer.lr=0.5")
    _, out, _ = dlrun("diff", "run", "other")
    assert "optimizer.lr        auto (0.001)  0.5\n" in out
    assert "trainer.batch_size  32            16\n" in out
    assert "seed                0             1\n" in out
    assert dlrun("share", "run", "-o", "mine.yaml")[0] == 0
    code, out, _ = dlrun("diff", "mine.yaml", "run")
    assert code == 0
    assert out.endswith("device  auto  cpu (threads: 1)\nOnly A has a promise.\n")


def test_what_is_neither_a_recipe_nor_a_run_is_refused(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("diff", "mlp_digits", "mlp_digit")
    assert (code, 'Did you mean "mlp_digits"?' in err) == (2, True)
    code, _, err = dlrun("diff", "mlp_digits", ".")
    assert (code, "There is no run in this folder" in err) == (2, True)


def test_a_plugin_that_is_not_given_is_named(short_run: ShortRun, dlrun: Dlrun) -> None:
    Path("tiny.py").write_text(
        "from torch import nn\n\n\ndef tiny(spec, *, width: int = 4):\n    return nn.Linear(spec.num_features, 3)\n"
    )
    short_run("run", "--plugin", "tiny.py", "model=tiny")
    code, _, err = dlrun("diff", "run", "mlp_digits")
    assert (code, "This recipe needs tiny.py of the person who shared it: add --plugin FILE." in err) == (2, True)
    assert dlrun("diff", "run", "mlp_digits", "--plugin", "tiny.py")[0] == 0
