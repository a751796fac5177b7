"""Why the processes of a run ended: of many ends that one cause has, the one that the user should read."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from dlrun import errors
from dlrun.cli.ranks.launched import ProcessError
from dlrun.cli.ranks.process import RankProcess
from dlrun.errors import DlrunError, Interrupted, PeerLostError, StorageError

_SHOWN_LINES = 6


class ErrorThere(Exception):  # noqa: N818 - the cause of an error, which `--debug` shows
    """The traceback of an error in another process, as text."""


def cause(processes: Sequence[RankProcess], folder: Path | None) -> Exception:
    """Return the error to raise for processes that have all ended, of which at least one failed.

    A process that was killed is the cause of what the others tell. Otherwise the first error is, but for those that
    only say that another process is gone. folder: of the run, if it is known.
    """
    failed = [each for each in processes if each.has_failed and not each.was_ended]
    failed = failed or [each for each in processes if each.has_failed]
    wordless = [each for each in failed if not each.report]
    killed = [each for each in wordless if (each.status or 0) < 0]
    told = [each for each in failed if each.report and each.report["error"]["kind"] != PeerLostError.__name__]
    if killed or (wordless and not told):
        return _lost((killed or wordless)[0], len(processes), folder)
    told = sorted(told or failed, key=lambda each: float(each.report["error"]["time"]))
    first = told[0]
    same = [each for each in told if each.report["error"]["exit_code"] == first.report["error"]["exit_code"]]
    of_all = min(same, key=lambda each: each.rank)
    is_of_disk = of_all.report["error"]["kind"] == StorageError.__name__  # which only rank 0 writes, for all
    is_shared = of_all.rank == 0 and (is_of_disk or len(same) == len(processes) or of_all is not first)
    chosen = of_all if is_shared or of_all.rank == 0 else first
    return _told(chosen, len(processes), is_shared=is_shared)


def _told(process: RankProcess, number: int, *, is_shared: bool) -> Exception:
    """Return the error that a process told. is_shared: whether it is that of all, so that its rank says nothing."""
    found = process.report["error"]
    text = found["text"] if is_shared else f"rank {process.rank} of {number}: {found['text']}"
    error: Exception
    kind = getattr(errors, found["kind"], None)
    if kind is Interrupted:
        error = Interrupted(found["exit_code"] - 128, found["text"])
    elif isinstance(kind, type) and issubclass(kind, DlrunError):
        error = kind(text)
    elif found["is_ours"]:
        error = DlrunError(text)
        error.exit_code = found["exit_code"]
    else:
        error = ProcessError(text)
    error.__cause__ = ErrorThere(f"in rank {process.rank}\n{found['traceback']}")
    return error


def _lost(process: RankProcess, number: int, folder: Path | None) -> PeerLostError:
    """Return the error of a run one of whose processes ended without a word."""
    from dlrun.runs.sweeps.engines.local.endings import how_it_ended

    who = f"Process {process.rank + 1} of {number} (rank {process.rank}, pid {process.pid})"
    parts = [f"{who} {how_it_ended(process.status)}, so all were ended."]
    if process.status == -signal.SIGKILL:
        parts = [f"{who} was killed by SIGKILL, perhaps for lack of memory, so all were ended."]
    lines = [line for line in process.output().splitlines() if line.strip()][-_SHOWN_LINES:]
    if lines:
        parts.append(f"It printed last: {' / '.join(lines)}")
    if folder is None or not (folder / "config.yaml").is_file():
        return PeerLostError(" ".join(parts))
    is_saved = (folder / "checkpoints" / "last").is_file()
    saved, does = ("What was saved is intact.", "goes on with it") if is_saved else ("Nothing was saved.", "repeats it")
    end = "\n      " if lines else " "  # what a program printed ends in no full stop
    return PeerLostError(f"{' '.join(parts)}{end}{saved}\n      dlrun resume {folder}   {does}")
