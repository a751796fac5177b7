"""A process that has imported torch and dlrun, and that others are forked from: each begins in milliseconds.

What it forks is as `python -c CODE WORD ...` would be: in the folder and with the variables that its caller has at that
moment, with no input, and with the caller's modules neither imported nor changed. Only /proc shows the variables of the
first process. Each process that runs tests has one, from when it is needed until it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
import traceback
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import IO, Any

_BEGIN = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from tests.cradle import serve
serve(int(sys.argv[2]))
"""
_NURSERY = """\
import os
from dlrun.runs.sweeps.engines.local.nursery import main
main(handles[0], os.getppid())
"""
_ROOT = Path(__file__).parents[1]
_VARIABLES = dict(os.environ)  # as they are before any test: none of them may find its own mark in the first process
_COMMAND = """\
import sys
from dlrun.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class _Start:
    """A request: run `code`, with `num_handles` handles besides the one for its output."""

    code: str
    words: Sequence[str]
    folder: str
    variables: Mapping[str, str]
    num_handles: int


@dataclass(frozen=True)
class _Look:
    """A question: which exit code has this process? None: it runs."""

    pid: int


class Forked:
    """A process that the cradle forked, with what is used of a `subprocess.Popen`."""

    def __init__(self, pid: int, cradle: Cradle) -> None:
        self.pid = pid
        self._cradle = cradle
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, minus a signal's number, or None while the process runs."""
        if self.returncode is None:
            self.returncode = self._cradle.ask(_Look(self.pid))
        return self.returncode

    def wait(self) -> int:
        """Wait until the process ended; return its exit code or minus a signal's number."""
        while (code := self.poll()) is None:
            time.sleep(0.002)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Cradle:
    """The tests' side of the process."""

    def __init__(self) -> None:
        self._pipe, theirs = Pipe()
        handle = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, json.dumps(sys.path), str(handle)],
            pass_fds=(handle,), stdin=subprocess.DEVNULL, start_new_session=True, env=_VARIABLES, cwd=_ROOT,
        )  # fmt: skip
        theirs.close()
        atexit.register(self.close)

    def start(self, code: str, words: Sequence[str], *, output: int, handles: Sequence[int] = ()) -> Forked:
        """Fork a process, in a new process group, that runs code with these words in `sys.argv`.

        output: a handle for its standard output and standard error. handles: those that the code finds in `handles`.
        """
        sent = [output, *handles]
        self._pipe.send(_Start(code, list(words), os.getcwd(), dict(os.environ), len(handles)))
        for handle in sent:
            send_handle(self._pipe, handle, None)
        return Forked(self._pipe.recv(), self)

    def ask(self, look: _Look) -> int | None:
        """Return the exit code of a process."""
        self._pipe.send(look)
        code: int | None = self._pipe.recv()
        return code

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.wait()


@functools.cache
def cradle() -> Cradle:
    """Return the one of this process."""
    return Cradle()


def start_nursery(handle: int, output: IO[bytes]) -> Forked:
    """Start the first nursery of a sweep, as `dlrun.runs.sweeps.engines.local.processes.start_nursery` does."""
    return cradle().start(_NURSERY, (), output=output.fileno(), handles=[handle])


def start_dlrun(*words: str, output: int) -> Forked:
    """Start a dlrun command line. output: a handle for its standard output and standard error."""
    return cradle().start(_COMMAND, words, output=output)


def serve(handle: int) -> None:
    """Be the process: import what every run needs, and fork what is asked for until the pipe closes."""
    from dlrun.cli.point_runner import PointRunner

    PointRunner(plugins=(), config_dirs=(), quiet=True).preload()
    pipe = Connection(handle)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            message = pipe.recv()
            if isinstance(message, _Look):
                pid, status = os.waitpid(message.pid, os.WNOHANG)
                pipe.send(os.waitstatus_to_exitcode(status) if pid else None)
            else:
                handles = [recv_handle(pipe) for _ in range(1 + message.num_handles)]
                pipe.send(_fork(message, handles, pipe))
                for each in handles:
                    os.close(each)


def _fork(request: _Start, handles: list[int], pipe: Connection) -> int:
    """Fork a process, and return its number once it has a process group of its own."""
    begun, begins = os.pipe()
    pid = os.fork()
    if pid:
        os.close(begins)
        os.read(begun, 1)
        os.close(begun)
        return pid
    code: Any = 1
    try:
        os.setsid()
        pipe.close()
        os.close(begun)
        os.close(begins)
        _become(request, handles[0])
        code = _run(request, handles[1:])
    except BaseException:  # noqa: BLE001 - of this process, which ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


def _become(request: _Start, output: int) -> None:
    """Take over the folder, the variables and the output of the caller."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.variables)


def _run(request: _Start, handles: list[int]) -> Any:
    """Run the code as the main module; return what the process ends with."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv[:] = ["-c", *request.words]
    try:
        exec(request.code, {**vars(module), "handles": handles})  # noqa: S102 - what the tests wrote
    except SystemExit as ended:
        return 0 if ended.code is None else ended.code
    return 0
