"""dlrun.cli.main: exit codes, versions, and what the entry point does before it imports anything."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dlrun as package

Dlrun = Callable[..., tuple[int, str, str]]
HEAVY = ("torch", "torchmetrics", "sklearn", "scipy", "pandas", "tensorboard", "mlflow", "wandb", "PIL", "numpy")


@pytest.mark.parametrize("words", [("--version",), ("train", "--version"), ("--version", "env")])
def test_version(dlrun: Dlrun, words: tuple[str, ...]) -> None:
    assert dlrun(*words) == (0, f"dlrun {package.__version__}\n", "")


def test_debug_shows_the_traceback_of_an_error(dlrun: Dlrun) -> None:
    assert "Traceback" not in dlrun("runs", "nowhere")[2]
    assert "Traceback" in dlrun("--debug", "runs", "nowhere")[2]


def test_windows_gets_a_plain_sentence() -> None:
    code = (
        "import sys\n"
        "sys.platform = 'win32'\n"
        "sys.modules['fcntl'] = None  # as on Windows, importing it fails\n"
        "from dlrun.cli.main import entry\n"
        "sys.argv = ['dlrun', '--help']\n"
        "entry()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "dlrun: dlrun needs Linux or macOS. On Windows, run it in WSL (wsl --install).\n"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("predict --help", 0),
        ("ls", 0),
        ("ls model", 0),
        ("env --top 3", 2),
        ("modle=cnn trainer.epoch=3 optimizer.lr=fast", 2),
        ("show", 0),
        ("cat mlp_digits", 0),
        ("schema", 0),
        ("runs .", 0),
        ("compare a b", 2),
        ("resume nowhere", 2),
        ("-m model=mlp,cn", 2),
    ],
)
def test_nothing_heavy_is_imported_where_nothing_is_trained(words: str, code: int) -> None:
    script = (
        "import sys; from dlrun.cli.main import main\n"
        f"code = main({words.split()!r})\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == f"loaded: [] {code}"


@pytest.mark.parametrize("words", ["--help", "predict --help", "env --top 3", "ls", "modle=cnn"])
def test_hydra_is_not_imported_for_help_and_errors(words: str) -> None:
    script = (
        "import sys; from dlrun.cli.main import main\n"
        f"main({words.split()!r})\n"
        "print('loaded:', [name for name in ('hydra', 'omegaconf') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "loaded: []"


def test_an_unexpected_error_says_that_it_is_a_defect(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: object) -> int:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("dlrun.cli.verbs.env.run", fail)
    code, out, err = dlrun("env")
    assert (code, out) == (1, "")
    assert err.startswith("dlrun: this is a defect in dlrun: ZeroDivisionError: division by zero\n")
    assert "`--debug` shows where" in err
    assert "Traceback" not in err
    assert "Traceback" in dlrun("env", "--debug")[2]


def test_an_error_of_a_plugin_is_not_called_a_defect_of_dlrun(
    dlrun: Dlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def mine(spec):\n    return [][3]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dlrun.cli.verbs.ls.run", lambda command: runpy.run_path(str(path))["mine"](None))
    code, out, err = dlrun("ls", "model", "--plugin", "mine.py")
    assert (code, out) == (2, "")
    assert err == (
        "dlrun: 1 problem in a plugin:\n  --plugin mine.py\n"
        "      Its code failed: IndexError: list index out of range (mine.py, line 2, `return [][3]`).\n"
    )


def test_ctrl_c_without_a_handler_ends_with_130(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(command: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("dlrun.cli.verbs.env.run", interrupt)
    assert dlrun("env") == (130, "", "dlrun: stopped.\n")


def test_a_closed_output_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dlrun", "ls", "model"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read()
    assert (process.wait(60), err) == (0, "")
    process.stderr.close()
