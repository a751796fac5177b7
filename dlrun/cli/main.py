"""The entry point: runs a command line and returns its exit code. Errors go to standard error, in words."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from dlrun.cli import flags, verbs
from dlrun.cli.command import Command, parse
from dlrun.cli.ranks import launched
from dlrun.configuration.waiting import wait_briefly
from dlrun.errors import DlrunError
from dlrun.version import __version__
from dlrun.wording import PrintableStream

_TRAINS_TOGETHER = ("train", "resume")
"""Verbs that several processes may run as one."""


def entry() -> None:
    """The console script."""
    launched.end(main(sys.argv[1:]))


@contextmanager
def printable_streams() -> Iterator[None]:
    """A block in which no text that is printed, such as a name in somebody's file, can control the terminal."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, PrintableStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def main(argv: Sequence[str]) -> int:
    """Run a command line; returns the exit code."""
    with printable_streams():
        return _answer(argv)


def _answer(argv: Sequence[str]) -> int:
    if sys.platform == "win32":
        print("dlrun: dlrun needs Linux or macOS. On Windows, run it in WSL (wsl --install).", file=sys.stderr)
        return 2
    debug = flags.DEBUG.name in argv
    plugins: Sequence[Path] = ()
    try:
        command = parse(argv)
        plugins = [path.resolve() for path in command.values(flags.PLUGIN)]
        if command.has(flags.VERSION):
            print(f"dlrun {__version__}")
            return 0
        if (command.value(flags.SHELL_COMPLETION) or "").startswith("query="):
            from dlrun.cli.completion import complete

            print("\n".join(complete(os.environ.get("COMP_LINE", ""))))
            return 0
        from dlrun.data.files.status_line import silenced  # the shell waits for completion, which needs neither
        from dlrun.training.signals import StopRequest

        if command.verb.name not in _TRAINS_TOGETHER:
            launched.check_one_process(f"dlrun {command.verb.name}")
        launched.end_with_agent()
        wait_briefly()  # before anything imports torch
        run: Callable[[Command], int] = verbs.module(command.verb.name).run
        with silenced(wanted=command.has(flags.QUIET)), StopRequest("Stopped.") as stop, stop.at_once():
            # until a run takes over
            return run(command)
    except DlrunError as error:
        return _report(f"dlrun: {error}", error.exit_code, debug=debug, error=error)
    except KeyboardInterrupt:
        return _report("dlrun: stopped.", 130, debug=debug)
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, SystemExit) as error:  # the outermost edge: words instead of a traceback
        mistake = launched.in_words(error, plugins)
        if mistake is not None:
            return _report(f"dlrun: {mistake}", mistake.exit_code, debug=debug, error=mistake)
        if isinstance(error, SystemExit):
            raise
        text = f"dlrun: this is a defect in dlrun: {launched.text_of(error)}"
        text += "\n      `--debug` shows where; `dlrun env` prints what a report needs."
        return _report(text, 1, debug=debug, error=error)


def _report(text: str, code: int, *, debug: bool, error: Exception | None = None) -> int:
    """Print an error, unless another process or a launcher tells it; returns the exit code."""
    if error is not None and launched.is_told_elsewhere(error):
        return code
    if debug:
        import traceback

        traceback.print_exc()
    print(text, file=sys.stderr)
    return code
