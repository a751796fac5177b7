"""A process that another launcher started, such as torchrun: what it may run, what it tells, and when it ends.

An agent of torchrun reads the error of each of its processes from a file, in the form of
`torch.distributed.elastic.multiprocessing.errors`, and prints the first one.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from dlrun.configuration.place import ALONE, Place, place_of_process
from dlrun.configuration.schema.user_code import as_mistake
from dlrun.errors import ConfigError, DlrunError, PeerLostError, Problem
from dlrun.optim.out_of_memory import is_out_of_memory

_ERROR_FILE, _AGENT = "TORCHELASTIC_ERROR_FILE", "TORCHELASTIC_RUN_ID"


class ProcessError(Exception):
    """An error inside another process that no class of dlrun stands for; its text has its kind."""


def check_one_process(what: str) -> None:
    """Raise ConfigError if a launcher started this process as one of several, and so `what` as often."""
    size = place_of_process().size
    if size > 1:
        told = f"A launcher started {size} processes, and each of them would do all of it. Start it without torchrun"
        if what in ("-m", "dataset.folds"):
            told += "; device.processes=N trains each run in N processes"
        raise ConfigError(Problem(what, f"{told}.", id="processes"))


def end_with_agent() -> None:
    """End this process soon after the agent of torchrun that started it, if one did."""
    if os.environ.get(_AGENT):
        from dlrun.cli.ranks.lifeline import die_with_parent  # a plain command needs none of what it imports

        die_with_parent()


def is_told_elsewhere(error: BaseException, environment: Mapping[str, str] = os.environ) -> bool:
    """Leave an error to an agent of torchrun, if there is one, and return whether somebody else tells it.

    Of processes without an agent, all tell their error; that another process is gone, only the first one says.
    """
    place, file = _place_if_known(environment), environment.get(_ERROR_FILE)
    if place.is_alone:
        return False
    is_lost = isinstance(error, PeerLostError)
    if file is None:
        return is_lost and not place.is_first
    if not is_lost:
        _write(Path(file), error)
    return is_lost or not place.is_first


def _place_if_known(environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place of this process; ALONE if the environment contradicts itself, which is the error to tell."""
    try:
        return place_of_process(environment)
    except ConfigError:
        return ALONE


def _write(path: Path, error: BaseException) -> None:
    """Write an error for the agent, which takes the earliest of all for the cause."""
    text = text_of(error)
    is_ours = isinstance(error, DlrunError)
    shown = text if is_ours else "".join(traceback.format_exception(error))  # an agent prints it under "traceback"
    told = {"message": text, "extraInfo": {"py_callstack": shown, "timestamp": str(int(time.time()))}}
    try:
        path.write_text(json.dumps({"message": told}), encoding="utf-8")
    except OSError as failure:
        print(f"notice: {path} could not be written ({failure.strerror}).", file=sys.stderr)


def in_words(error: BaseException, plugins: Sequence[Path]) -> DlrunError | None:
    """Return an error that nobody expected as one of the user's code or of memory; None if it is neither."""
    mistake = as_mistake(error, plugins)
    if mistake is not None or isinstance(error, DlrunError) or not is_out_of_memory(error):
        return mistake
    what = (
        "Out of memory: the system gave no more. Free some, or use fewer device.processes or a smaller dataset.limit."
    )
    return ConfigError(what, id="out-of-memory")


def text_of(error: BaseException) -> str:
    """Return an error's text, with its kind unless dlrun wrote the text."""
    return str(error) if isinstance(error, DlrunError | ProcessError) else f"{type(error).__name__}: {error}"


def end(code: int) -> NoReturn:
    """End this process. One of several does so at once: threads of gloo and NCCL may wait for lost ones."""
    if not code or _place_if_known().is_alone:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
