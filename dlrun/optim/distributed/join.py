"""Join the group of the processes that train one model together."""

from __future__ import annotations

import datetime
import os
import platform
import socket
import time
from typing import TYPE_CHECKING

import torch

from dlrun.configuration.place import Place
from dlrun.errors import PeerLostError
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.lost import raise_if_own_limit, reason_of, telling_of_loss
from dlrun.wording import duration

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]

_TIMEOUT = datetime.timedelta(minutes=30)  # of one call: baselines and the first evaluation may differ by minutes
_PATIENCE = datetime.timedelta(minutes=5)  # until all have come: a busy machine imports torch in a minute
_NAME_PATIENCE = datetime.timedelta(minutes=1)  # until a host's name is known, which may have been started just now
_MOST_NAMED = 8


def join(place: Place, device: torch.device) -> Group:
    """Return the group of this process, after all the others have come; gloo on the CPU, and NCCL on GPUs.

    Raises PeerLostError if they do not come.
    """
    if place.is_alone:
        return Group()
    import torch.distributed

    if not torch.distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        store = _meet(place)
        with telling_of_loss():
            torch.distributed.init_process_group(
                backend, rank=place.rank, world_size=place.size, timeout=_TIMEOUT, store=store
            )
        _hosts[:] = [store.get(str(rank)).decode() for rank in range(place.size)]
    return Group(place.rank, place.size, place.local_rank, place.local_size, hosts=_hosts)


_hosts: list[str] = []  # of the group that this process is in, by rank


def _meet(place: Place) -> Store:
    """Return the store where the processes find each other, once all of them have come and left their host's name.

    The first one keeps it, unless an agent of torchrun does, which may start the processes again.
    """
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

    host, _, port = place.address.rpartition(":")
    is_kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    keeps = place.is_first and not is_kept
    _await_address(host, int(port), place, is_own=keeps)
    try:
        found = TCPStore(
            host,
            int(port),
            place.size,
            is_master=keeps,
            timeout=_PATIENCE,
            wait_for_workers=False,
            master_listen_fd=place.listening,
        )
        store = PrefixStore(f"dlrun/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", found)
        store.set(str(place.rank), platform.node() or "?")
    except RuntimeError as error:
        raise_if_own_limit(error)
        raise _unreachable(place, reason_of(error)) from error
    _await_all(store, place)
    return store


def _await_address(host: str, port: int, place: Place, *, is_own: bool) -> None:
    """Wait until the host's name is known, and somebody listens there unless this process itself is going to.

    `TCPStore` would do so too, for twice as long, without letting a signal through, and prints a stack each time.
    Raises PeerLostError if that takes too long.
    """
    started = time.monotonic()
    while True:
        try:
            socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            if not is_own:
                socket.create_connection((host, port), timeout=_NAME_PATIENCE.total_seconds()).close()
            return
        except OSError as error:
            patience = _NAME_PATIENCE if isinstance(error, socket.gaierror) else _PATIENCE
            if time.monotonic() >= started + patience.total_seconds():
                raise _unreachable(place, error.strerror or str(error)) from error
        time.sleep(0.1)


def _unreachable(place: Place, reason: str) -> PeerLostError:
    what = f"Rank {place.rank} of {place.size} cannot reach the others at {place.address} ({reason})."
    return PeerLostError(f"{what} Look at MASTER_ADDR and MASTER_PORT, and at the network.")


def _await_all(store: Store, place: Place) -> None:
    """Wait until every process has left its name. Raises PeerLostError if one does not come.

    `store.wait` would not let a signal through, such as that of an agent which ends all because one has failed.
    """
    names = [str(rank) for rank in range(place.size)]
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    for name in names:
        while not _has_come(store, name):
            if time.monotonic() >= deadline:
                raise PeerLostError(_tell_missing([each for each in names if not _has_come(store, each)], place))
            time.sleep(min(0.5, place.size / 100))  # the more of them ask, the more seldom each does


def _has_come(store: Store, name: str) -> bool:
    """Whether a process has come; not, if the store is gone too."""
    try:
        return bool(store.check([name]))
    except RuntimeError:
        return False


def _tell_missing(missing: list[str], place: Place) -> str:
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    who = f"{'rank' if len(missing) == 1 else 'ranks'} {', '.join(missing[:_MOST_NAMED])}{more}"
    waited = duration(_PATIENCE.total_seconds())
    return (
        f"Of {place.size} processes, {who} did not come to {place.address} within {waited}. Look at what they printed, "
        "and whether each was started with this MASTER_ADDR and MASTER_PORT."
    )
