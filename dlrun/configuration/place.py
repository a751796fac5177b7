"""The place of this process among those that train one model together, as the launcher that started it says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlrun.errors import ConfigError, Problem

NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""The environment variables that torchrun sets for each process, and `device.processes` too."""

LISTENING = "DLRUN_LISTENING"
"""The environment variable with the handle of the socket where the processes meet: no other program can take its port.
"""


@dataclass(frozen=True)
class Place:
    """The rank of a process, from 0, of `size` in all; on its machine it is `local_rank` of `local_size`.

    address: where the processes meet, "" if no launcher started this process. listening: the handle of a socket that
    listens there already, of the first process.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = ""
    listening: int | None = None

    @property
    def is_launched(self) -> bool:
        """Whether a launcher started this process as one of a run, even if as the only one."""
        return bool(self.address)

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run's folder and its console."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1


ALONE = Place()
"""Of a process that no launcher started."""


def place_of_process(environment: Mapping[str, str] = os.environ) -> Place:
    """Return the place of this process; ALONE if no launcher started it as one of several.

    Raises ConfigError if a launcher set only some of NAMES, or if they contradict each other.
    """
    missing = [name for name in NAMES if not environment.get(name)]
    if missing:
        _check_alone(environment, missing)
        return ALONE
    try:
        rank, size, local_rank, local_size, port = (int(environment[name]) for name in (*NAMES[:4], NAMES[5]))
    except ValueError:
        rank, size, local_rank, local_size, port = 0, -1, 0, -1, -1
    if not (0 <= rank < size and 0 <= local_rank < local_size <= size and 0 < port < 65_536):
        what = (
            f"The environment says {_said(environment)}; expected 0 <= RANK < WORLD_SIZE, the same on this machine "
            "(LOCAL_...), and a port from 1 to 65535."
        )
        raise _contradiction(what)
    handle = environment.get(LISTENING, "")
    address = f"{environment['MASTER_ADDR']}:{port}"
    return Place(rank, size, local_rank, local_size, address, int(handle) if handle.isdecimal() else None)


def _check_alone(environment: Mapping[str, str], missing: Sequence[str]) -> None:
    """Raise ConfigError if this process is one of several all the same: each would train the whole model."""
    if not environment.get("RANK") or environment.get("WORLD_SIZE", "") in ("", "0", "1"):
        return
    what = (
        f"The environment says {_said(environment)}, so this is one of several processes, but not "
        f"{', '.join(missing)}. Set {'all of them' if len(missing) > 1 else 'it too'} to train together, or unset RANK "
        "to train alone."
    )
    raise _contradiction(what)


def _said(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}={environment[name]}" for name in NAMES if environment.get(name))


def _contradiction(what: str) -> ConfigError:
    return ConfigError(Problem("RANK", what, id="processes", fix=None))
