"""The entry point: a command line in, an exit code out. Errors go to standard error, in words."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from dlrun.cli import command as command_line
from dlrun.cli.command import Command
from dlrun.data.files.status_line import silenced
from dlrun.errors import DlrunError
from dlrun.training.signals import StopRequest
from dlrun.version import __version__

_HANDLERS = {
    "train": "dlrun.cli.verbs.training:train",
    "check": "dlrun.cli.verbs.training:check",
    "resume": "dlrun.cli.verbs.training:resume",
    "eval": "dlrun.cli.verbs.training:evaluate",
    "predict": "dlrun.cli.verbs.predicting:predict",
    "ls": "dlrun.cli.verbs.inspecting:ls",
    "show": "dlrun.cli.verbs.inspecting:show",
    "cp": "dlrun.cli.verbs.inspecting:copy",
    "cat": "dlrun.cli.verbs.inspecting:cat",
    "env": "dlrun.cli.verbs.inspecting:env",
    "replay": "dlrun.cli.verbs.maintenance:replay",
    "clean": "dlrun.cli.verbs.maintenance:clean",
    "runs": "dlrun.cli.verbs.history:runs",
    "compare": "dlrun.cli.verbs.history:compare",
}


def entry() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Run a command line; returns the exit code."""
    debug = "--debug" in argv
    try:
        parsed = command_line.parse(argv)
        if parsed.has("version"):
            print(f"dlrun {__version__}")  # noqa: T201
            return 0
        if parsed.has("help"):
            print(command_line.help_text())  # noqa: T201
            return 0
        if any(word.startswith("query=") for word in parsed.hydra_flags):
            from dlrun.cli.completion import complete

            print("\n".join(complete(os.environ.get("COMP_LINE", ""))))  # noqa: T201
            return 0
        with silenced(wanted=parsed.has("quiet")), StopRequest("Stopped.") as stop, stop.at_once():
            # until a run takes over
            return _handler(parsed)(parsed)
    except DlrunError as error:
        return _tell(f"dlrun: {error}", error.exit_code, debug=debug)
    except KeyboardInterrupt:
        return _tell("dlrun: stopped.", 130, debug=debug)
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost edge: words instead of a traceback
        text = f"dlrun: this is a defect in dlrun: {type(error).__name__}: {error}"
        text += "\n      `--debug` shows where; `dlrun env` prints what a report needs."
        return _tell(text, 1, debug=debug)


def _handler(parsed: Command) -> Callable[[Command], int]:
    module, _, function = _HANDLERS[parsed.verb].partition(":")
    handler: Callable[[Command], int] = getattr(importlib.import_module(module), function)
    return handler


def _tell(text: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(text, file=sys.stderr)  # noqa: T201
    return code
