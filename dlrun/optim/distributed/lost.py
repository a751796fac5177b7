"""What a process does when another one of its group is gone: it ends, and says so in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlrun.errors import PeerLostError
from dlrun.wording import first_line


@contextmanager
def telling_of_loss() -> Iterator[None]:
    """A context in which the failure of a collective call raises PeerLostError.

    Gloo and NCCL raise RuntimeError (torch.distributed.DistBackendError) when a connection is closed or times out.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" in str(error):  # torch tells of a killed one wherever the process is
            raise
        raise PeerLostError(f"Another process of this run ended ({reason_of(error)}).") from error


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's text, without torch's position in its own source and gloo's advice."""
    line = first_line(error).partition(". This is typically")[0]
    return line.rpartition("] ")[2] if line.startswith("[") else line
