"""The consoles: live on a terminal, plain lines elsewhere, no colour where it is not wanted."""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.report import plain
from dlrun.report.metrics_file import rows_until
from tests.conftest import SHORT
from tests.cradle import start_dlrun
from tests.processes import read_terminal

Dlrun = Callable[..., tuple[int, str, str]]


def on_a_terminal(*words: str, **environment: str) -> str:
    """What a command shows on a terminal of 120 columns."""
    ours, theirs = pty.openpty()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CI", raising=False)
        patch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **environment}.items():
            patch.setenv(name, value)
        process = start_dlrun(*words, output=theirs)
    os.close(theirs)
    shown = read_terminal(ours, patience_s=120)
    assert process.wait() == 0
    return shown.decode()


def test_a_terminal_shows_a_bar_and_each_best(own_folder: Path) -> None:
    shown = on_a_terminal(*SHORT, "trainer.epochs=40")
    assert "\x1b[" in shown
    assert re.search(r"epoch \d+/40", shown)
    assert "rows/s" in shown
    assert "← best" in shown
    assert "completed" in shown
    assert "; linear model " in shown


def test_no_color_is_honoured(own_folder: Path) -> None:
    shown = on_a_terminal(*SHORT, NO_COLOR="1")
    colours = re.findall(r"\x1b\[([0-9;]*)m", shown)
    assert not [code for code in colours if re.search(r"(^|;)(3[0-7]|38|9[0-7])(;|$)", code)]


def test_ci_gets_plain_lines_even_on_a_terminal(own_folder: Path) -> None:
    shown = on_a_terminal(*SHORT, CI="1")
    assert "epoch 2/2  step 8  train/loss" in shown
    assert "rows/s" not in shown


def test_names_cannot_send_control_codes_to_the_console(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "evil.yaml").write_text(
        'recipe: {format: 1, title: "[bold red]x"}\nmodel: {name: "[link=http://x]y"}\n'
    )
    code, _, err = dlrun("recipe=./evil.yaml")
    assert code == 2
    assert "[link=http://x]y" in err
    assert "\x1b" not in err


def test_plain_lines_come_at_most_once_a_second(dlrun: Dlrun) -> None:
    _, _, err = dlrun(*SHORT, "trainer.epochs=30")
    epochs = [line for line in err.splitlines() if line.startswith("epoch ")]
    assert len(epochs) < 10
    assert epochs[-1].startswith("epoch 30/30")


def test_steps_are_told_when_evaluations_are_far_apart(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    far_apart = (*SHORT, "trainer.epochs=30", "trainer.eval_every=30", "trainer.log_every=50")
    _, _, err = dlrun(*far_apart)
    assert [line.split("  ")[0] for line in err.splitlines() if line.startswith("epoch ")] == ["epoch 30/30"]
    monkeypatch.setattr(plain, "_MOST_SILENCE_S", 0.0)
    _, _, err = dlrun(*far_apart)
    lines = [line for line in err.splitlines() if line.startswith("epoch ")]  # of 4 steps each
    assert [line.split("  ")[:2] for line in lines] == [
        ["epoch 13/30", "step 50"],
        ["epoch 25/30", "step 100"],
        ["epoch 30/30", "step 120"],
    ]
    assert re.fullmatch(r"epoch 13/30  step 50  train/loss [0-9.]+", lines[0])


def test_rows_after_the_checkpoint_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step}) for step in (1, 2, 3)]
    path.write_text("\n".join([*lines, '{"step": 4, "tra']))
    assert rows_until(path, 2) == lines[:2]


def test_a_logger_that_is_not_installed_says_what_to_install(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    code, _, err = dlrun(*SHORT, "logger=tensorboard")
    assert code == 2
    assert (
        'logger=tensorboard\n      This needs tensorboard, which is not installed: pip install "dlrun[tensorboard]".'
        in err
    )


def test_a_run_that_diverges_is_told_once(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("dataset=line", "model=linear", "optimizer=sgd", "optimizer.lr=0.01", "device=cpu", "device.threads=1")
    code, _, err = dlrun(*words, "hydra.run.dir=run")
    assert code == 4
    assert err.count("The loss is no longer a finite number") == 1
    assert "\ndlrun: The loss is no longer a finite number" in err
    assert "error: The loss is no longer a finite number" in (own_folder / "run" / "dlrun.log").read_text()


def test_names_in_data_cannot_control_the_terminal(dlrun: Dlrun, own_folder: Path) -> None:
    rows = "".join(f"{number},\x1b[3{number % 2}mred\n" for number in range(50))
    (own_folder / "evil.csv").write_text(f"\x1b[2Jx,y\n{rows}")
    words = ("dataset=table", "dataset.path=evil.csv", "dataset.target=y", "model=linear", "trainer.max_steps=2")
    code, out, err = dlrun(*words, "device=cpu", "device.threads=1", "hydra.run.dir=run")
    assert code == 0, err
    (own_folder / "new.csv").write_text("\x1b[2Jx\n1\n")
    code, predicted, _ = dlrun("predict", "run", "new.csv")
    assert code == 0
    assert "\\x1b[3" in predicted
    assert "\x1b" not in out + err + predicted + (own_folder / "run" / "dlrun.log").read_text()
