"""`dlrun.configuration.recipes.sources.git_program`: what git may do, and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import git_program
from dlrun.configuration.recipes.sources.git_program import Done, run
from dlrun.errors import ConfigError, Problem


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program `git` that does what the test writes into it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    program = folder / "git"
    program.write_text("")
    program.chmod(0o755)
    return program


def test_its_output_errors_and_code_are_returned(fake: Path) -> None:
    fake.write_text("#!/bin/sh\necho out; echo 'fatal: no' >&2; exit 3\n")
    done = run(["x"], where="here")
    assert done == Done(3, b"out\n", "fatal: no\n")
    assert done.reason == "fatal: no"


def test_it_cannot_ask_run_hooks_or_be_led_elsewhere(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_SSL_NO_VERIFY", "1")
    monkeypatch.delenv("GIT_SSH_COMMAND", raising=False)
    fake.write_text('#!/bin/sh\necho "$@"; env; read line && echo "read $line"\n')
    told = run(["fetch"], where="here", repository=Path("r"), network=True).output.decode()
    words, *variables = told.splitlines()
    assert words.endswith(" --git-dir=r fetch")
    for setting in ("core.hooksPath=/dev/null", "http.followRedirects=false", "submodule.recurse=false"):
        assert f"-c {setting} " in words
    assert {
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ALLOW_PROTOCOL=https:ssh:file",
        "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
    } <= set(variables)
    assert not any(line.startswith(("GIT_DIR=", "GIT_SSL_NO_VERIFY=", "read")) for line in variables)
    told = run(["show"], where="here").output.decode()
    assert "GIT_ALLOW_PROTOCOL=none" in told.splitlines()
    monkeypatch.setenv("GIT_SSH_COMMAND", "ssh -i key")
    assert "GIT_SSH_COMMAND=ssh -i key" in run(["fetch"], where="here").output.decode().splitlines()


def test_it_is_stopped_with_all_its_processes_after_a_time(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_program, "MOST_S", 0.3)
    fake.write_text("#!/bin/sh\nsleep 60 & echo $! > child; wait\n")
    started = time.monotonic()
    done = run(["x"], where="here")
    assert done.reason == "it took longer than 0 s"
    assert done.code != 0
    assert time.monotonic() - started < 5
    child = Path("child").read_text().strip()
    for _ in range(100):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the child of git is still there")


def test_it_is_stopped_when_the_repository_grows_too_large(
    fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_program, "MOST_BYTES", 1 << 20)
    (tmp_path / "r").mkdir()
    fake.write_text("#!/bin/sh\nhead -c 2000000 /dev/zero > r/pack; sleep 60\n")
    assert run(["x"], where="here", repository=tmp_path / "r").reason == "the commit is larger than 1 MiB"


def test_it_is_stopped_when_it_says_too_much(fake: Path) -> None:
    fake.write_text("#!/bin/sh\nhead -c 2000000 /dev/zero; sleep 60\n")
    done = run(["x"], where="here", most_bytes=10)
    assert done.reason == "its output is too long"
    assert len(done.output) == 10


def test_a_missing_program_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError) as caught:
        run(["x"], where="here")
    what = "The program git is not installed. Install it, or fetch the file yourself and name its path."
    assert caught.value.problems == [Problem("here", what)]


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("", ""),
        ("warning: a\nremote: Repository not found.\nfatal: b\n", "remote: Repository not found"),
        ("something\x1b[31m else\n", "something\\x1b[31m else"),
    ],
)
def test_the_reason_is_one_printable_line(errors: str, reason: str) -> None:
    assert Done(1, b"", errors).reason == reason
