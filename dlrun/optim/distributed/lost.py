"""What a process does when another one of its group is gone: it ends, and says so in words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from dlrun.errors import ConfigError, PeerLostError, Problem
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.wording import first_line

_OWN_LIMITS = frozenset(os.strerror(number) for number in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE))
"""What the system says when it gives a process no more threads, memory or open files."""
_TOO_LITTLE = (
    "This process cannot talk to the others: the system gives it no more memory, threads or open files ({}). Use fewer "
    "processes, or raise its limits (ulimit -a shows them)."
)


@contextmanager
def telling_of_loss() -> Iterator[None]:
    """A context in which the failure of a collective call raises PeerLostError.

    Gloo and NCCL raise RuntimeError (torch.distributed.DistBackendError) when a connection is closed or times out.
    Raises ConfigError if this process itself lacks memory, threads or open files for the call; that a step lacks memory
    stays as it is, for the step to tell.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" in str(error) or is_out_of_memory(error):  # torch tells of a worker wherever it can
            raise
        raise_if_own_limit(error)
        raise PeerLostError(f"Another process of this run ended ({reason_of(error)}).") from error


def raise_if_own_limit(error: RuntimeError) -> None:
    """Raise ConfigError if a call failed because the system gives this process no more memory, threads or files."""
    if first_line(error) in _OWN_LIMITS:
        what = _TOO_LITTLE.format(first_line(error))
        raise ConfigError(Problem("device.processes", what, id="processes")) from error


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's text, without torch's position in its own source and gloo's advice."""
    line = first_line(error).partition(". This is typically")[0]
    return line.rpartition("] ")[2] if line.startswith("[") else line
