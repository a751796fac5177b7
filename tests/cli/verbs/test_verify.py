"""`dlrun verify`: exit codes, what is printed, and losses of the first steps; test_share closes the loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]
TRAINED = "dataset: {name: iris}\nmodel: {name: linear}\ntrainer: {epochs: 2, batch_size: 32}\n"


def write(text: str, *, expect: str = "test/accuracy: [0, 1]") -> None:
    Path("mine.yaml").write_text(f"recipe: {{format: 1, expect: {{{expect}}}}}\n{text}")


def test_a_kept_promise_is_printed_as_a_table(dlrun: Dlrun) -> None:
    write(TRAINED)
    code, out, err = dlrun("verify", "mine.yaml", "device.threads=1", "hydra.run.dir=run")
    assert code == 0
    assert "metric         promised  measured\ntest/accuracy  0 to 1      0." in out
    assert "kept\nthe recipe has no lock: where its promise was measured is unknown\n" in out
    assert err.endswith("in run\n")
    assert json.loads(Path("run/result.json").read_text())["status"] == "completed"


def test_a_broken_promise_exits_with_6(dlrun: Dlrun) -> None:
    write(TRAINED, expect="test/accuracy: [1.5, 2], test/iou: [0, 1]")
    code, out, err = dlrun("verify", "mine.yaml", "device.threads=1", "--quiet")
    assert code == 6
    assert "dlrun: mine.yaml: the promise is broken: test/accuracy is 0." in err
    assert ", promised was 1.5 to 2; test/iou was not measured; this run's metrics: val/loss," in err
    code, out, err = dlrun("verify", "mine.yaml", "device.threads=1", "--quiet", "--json")
    assert code == 6
    found = json.loads(out)
    assert found["status"] == "broken"
    assert found["promised"] == {"test/accuracy": [1.5, 2], "test/iou": [0, 1]}
    assert list(found["measured"]) == ["test/accuracy"]
    assert found["environment_differs"] == {}


def test_a_training_that_diverges_or_is_cut_short_keeps_no_promise(dlrun: Dlrun) -> None:
    write(TRAINED.replace("linear}", "mlp}\noptimizer: {name: sgd, lr: 900}"))
    code, out, err = dlrun("verify", "mine.yaml", "device.threads=1", "--quiet", "--json")
    assert (code, json.loads(out)["status"], json.loads(out)["measured"]) == (6, "broken", {})
    assert "mine.yaml: the promise is broken: " in err
    write("dataset: {name: line}\ntrainer: {epochs: 100000000, max_time: 1s}\n", expect="test/rmse: [0, 1]")
    code, _, err = dlrun("verify", "mine.yaml", "device.threads=1", "--quiet")
    assert (code, "after 1.0 s (trainer.max_time)" in err) == (6, True)


@pytest.mark.parametrize(("name", "code"), [("nothing", 2), ("mlp_digit", 2), ("outputs", 2)])
def test_what_is_no_recipe_is_refused(name: str, code: int, dlrun: Dlrun) -> None:
    assert dlrun("verify", name)[0] == code


def test_the_recipe_is_the_word_and_no_override(dlrun: Dlrun) -> None:
    code, _, err = dlrun("verify", "mlp_digits", "recipe=rnn_digits")
    assert (code, "The recipe to verify is the word after `verify`; name one." in err) == (2, True)
    code, _, err = dlrun("verify")
    assert (code, "verify\n      Expected a recipe's name or file" in err) == (2, True)


def test_another_loss_in_the_first_steps_breaks_a_quick_promise(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("run")
    assert dlrun("share", "run", "-o", "mine.yaml")[0] == 0
    code, out, _ = dlrun("verify", "mine.yaml", "--quick", "device.threads=1", "device=cpu")
    assert code == 0
    assert out == (
        "the losses of the first 8 steps are those of the recipe, compared exactly\n"
        "the environment is that of the lock\n"
    )  # four steps in each of two epochs
    assert not Path("outputs").exists()
    text = Path("mine.yaml").read_text()
    Path("mine.yaml").write_text(text.replace("linear}", "linear, init: zeros}"))
    code, out, err = dlrun("verify", "mine.yaml", "--quick", "device.threads=1")
    assert code == 6
    assert "the losses of the first 8 steps are not those of the recipe, compared exactly" in out
    assert "mine.yaml: the promise is broken: loss at step 1 is 1.09" in err  # ln 3
    Path("mine.yaml").write_text(text.replace("python: ", "python: 9."))
    code, out, _ = dlrun("verify", "mine.yaml", "--quick", "device.threads=1")
    assert code == 0
    assert "compared within 0.1%\nthe environment differs from the lock: python 9.3." in out
