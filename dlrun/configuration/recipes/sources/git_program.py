"""Run `git` on a repository of a stranger: no hooks, prompts, checkout or submodules; bounded time and bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

MOST_S = 60.0
MOST_BYTES = 64 << 20  # of everything that a repository in the cache may take
_PAUSE_S = 0.02
_KEPT = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")  # how the user reaches hosts
_SETTINGS = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.askPass=", "credential.interactive=false",
    "fetch.recurseSubmodules=false", "gc.auto=0", "http.followRedirects=false", "maintenance.auto=false",
    "protocol.version=2", "submodule.recurse=false", "transfer.fsckObjects=true",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a call of git gave."""

    code: int
    output: bytes
    errors: str
    stopped: str = ""  # why it was stopped; empty if it ended by itself

    @property
    def reason(self) -> str:
        """Why it failed, in one line."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        told = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "remote:"))] or lines
        return self.stopped or printable(told[0] if told else "", limit=300).rstrip(".")


def run(
    words: Sequence[str],
    *,
    where: str,
    repository: Path | None = None,
    network: bool = False,
    most_bytes: int = 1 << 20,
) -> Done:
    """Run git and return what it gave.

    network: whether it may reach other repositories; without it not even one that a repository names for what it lacks.
    most_bytes: of its output; the rest is not read.

    Raises ConfigError, at `where`, if the program is missing.
    """
    line = ["git", *(part for setting in _SETTINGS for part in ("-c", setting))]
    line += [*([f"--git-dir={repository}"] if repository is not None else []), *words]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=_environment(network=network),
                start_new_session=True,  # so that all of its processes can be stopped
            )
        except FileNotFoundError as error:
            what = "The program git is not installed. Install it, or fetch the file yourself and name its path."
            raise ConfigError(Problem(where, what)) from error
        try:
            stopped = _wait(process, (output, errors), repository, most_bytes)
        finally:
            _stop(process)
        told = _start_of(errors, 1 << 16).decode("utf-8", "replace")
        return Done(process.returncode, _start_of(output, most_bytes), told, stopped)


def _environment(*, network: bool) -> Mapping[str, str]:
    """The user's environment, without what would change git's repository, and without prompts."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    if not any(key in kept for key in ("GIT_SSH", "GIT_SSH_COMMAND")):
        kept["GIT_SSH_COMMAND"] = "ssh -o BatchMode=yes"
    return {
        **kept,
        "GIT_ALLOW_PROTOCOL": "https:ssh:file" if network else "none",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GCM_INTERACTIVE": "never",
        "LC_ALL": "C",
    }


def _wait(
    process: subprocess.Popen[bytes], written: Sequence[IO[bytes]], repository: Path | None, most_bytes: int
) -> str:
    """Wait until git ends, or has taken too long or too much; returns why it is to be stopped, or an empty text."""
    started = time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PAUSE_S)
            return ""
        if time.monotonic() - started > MOST_S:
            return f"it took longer than {MOST_S:.0f} s"
        if max(os.fstat(each.fileno()).st_size for each in written) > max(most_bytes, 1 << 20):
            return "its output is too long"
        if repository is not None and _size(repository) > MOST_BYTES:
            return f"the commit is larger than {MOST_BYTES >> 20} MiB"


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _size(folder: Path) -> int:
    """The bytes of all files in a folder, which may change meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return size


def _start_of(stream: IO[bytes], count: int) -> bytes:
    stream.seek(0)
    return stream.read(count)
