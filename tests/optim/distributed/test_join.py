"""dlrun.optim.distributed.join: processes that do not come are named."""

from __future__ import annotations

import datetime
import signal
import socket

import pytest
import torch

from dlrun.configuration.place import ALONE, Place
from dlrun.errors import PeerLostError
from dlrun.optim.distributed import join as joining
from dlrun.optim.distributed.join import join

CPU = torch.device("cpu")


def test_one_process_joins_nobody() -> None:
    assert join(ALONE, CPU).is_alone


def test_those_that_do_not_come_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_PATIENCE", datetime.timedelta(seconds=1))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(2)
        port = listening.getsockname()[1]
        place = Place(0, 3, 0, 3, f"127.0.0.1:{port}", listening.detach())
    with pytest.raises(PeerLostError) as raised:
        join(place, CPU)
    assert str(raised.value) == (
        f"Of 3 processes, ranks 1, 2 did not come to 127.0.0.1:{port} within 1.0 s. Look at what they printed, and "
        "whether each was started with this MASTER_ADDR and MASTER_PORT."
    )
    many = joining._tell_missing([str(rank) for rank in range(1, 12)], Place(0, 12, 0, 12, "here:1"))
    assert many.startswith("Of 12 processes, ranks 1, 2, 3, 4, 5, 6, 7, 8 and 3 more did not come to here:1")
    assert "rank 1 did not" in joining._tell_missing(["1"], Place(0, 2, 0, 2, "here:1"))


def test_a_signal_ends_the_wait_for_those_that_do_not_come() -> None:
    def stop(number: int, frame: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(2)
            place = Place(0, 2, 0, 2, f"127.0.0.1:{listening.getsockname()[1]}", listening.detach())
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(InterruptedError):
            join(place, CPU)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_address_where_nobody_listens_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_PATIENCE", datetime.timedelta(seconds=1))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(PeerLostError) as raised:
            join(Place(1, 2, 0, 1, f"127.0.0.1:{port}"), CPU)
    assert str(raised.value) == (
        f"Rank 1 of 2 cannot reach the others at 127.0.0.1:{port} (Connection refused). Look at MASTER_ADDR and "
        "MASTER_PORT, and at the network."
    )


@pytest.mark.parametrize("rank", [0, 1])
def test_a_name_that_leads_nowhere_is_told_and_lets_signals_through(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], rank: int
) -> None:
    monkeypatch.setattr(joining, "_NAME_PATIENCE", datetime.timedelta(seconds=0))
    with pytest.raises(PeerLostError, match=rf"Rank {rank} of 2 cannot reach .* at node\.invalid:29500 \(.*[nN]ame"):
        join(Place(rank, 2, 0, 1, "node.invalid:29500"), CPU)
    assert capfd.readouterr() == ("", "")  # nothing of torch's
