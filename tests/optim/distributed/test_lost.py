"""What is said when another process of a group is gone."""

from __future__ import annotations

import pytest
import torch

from dlrun.errors import ConfigError, PeerLostError
from dlrun.optim.distributed.lost import telling_of_loss


def test_a_failed_call_is_told_in_words_without_torchs_own_source() -> None:
    text = "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:31134\nmore"
    with pytest.raises(PeerLostError) as found, telling_of_loss():
        raise RuntimeError(text)
    assert str(found.value) == "Another process of this run ended (Connection closed by peer [127.0.0.1]:31134)."
    assert found.value.exit_code == 7


def test_the_advice_of_gloo_is_left_out() -> None:
    text = "Read error [::1]:5: Connection reset by peer. This is typically caused by a remote worker hanging."
    with (
        pytest.raises(PeerLostError, match=r"ended \(Read error \[::1\]:5: Connection reset by peer\)\.$"),
        telling_of_loss(),
    ):
        raise RuntimeError(text)


def test_a_lost_worker_of_this_process_is_no_lost_process() -> None:
    with pytest.raises(RuntimeError, match="DataLoader worker"), telling_of_loss():
        raise RuntimeError("DataLoader worker (pid(s) 5) exited unexpectedly")


@pytest.mark.parametrize("kind", [RuntimeError, torch.OutOfMemoryError])
def test_memory_that_this_process_lacks_is_left_to_the_step_to_tell(kind: type[RuntimeError]) -> None:
    with pytest.raises(kind, match=r"^CUDA out of memory\."), telling_of_loss():
        raise kind("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_a_limit_of_this_process_is_no_lost_process() -> None:
    """What gloo says under `ulimit -v 700000`, where it can start no thread."""
    with pytest.raises(ConfigError) as found, telling_of_loss():
        raise RuntimeError("Resource temporarily unavailable")
    assert str(found.value) == (
        "1 problem in the configuration:\n  device.processes\n      This process cannot talk to the others: the system "
        "gives it no more memory, threads or open files (Resource temporarily unavailable). Use fewer processes, or "
        "raise its limits (ulimit -a shows them)."
    )
