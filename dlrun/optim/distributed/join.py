"""Join the group of the processes that train one model together."""

from __future__ import annotations

import datetime

import torch

from dlrun.configuration.place import Place
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.lost import telling_of_loss

_TIMEOUT = datetime.timedelta(minutes=30)  # of one call: baselines and the first evaluation may differ by minutes


def join(place: Place, device: torch.device) -> Group:
    """Return the group of this process, after all the others have come; gloo on the CPU, and NCCL on GPUs.

    Raises PeerLostError if they do not come.
    """
    if place.is_alone:
        return Group()
    import torch.distributed

    if not torch.distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        with telling_of_loss():
            torch.distributed.init_process_group(
                backend, rank=place.rank, world_size=place.size, timeout=_TIMEOUT, init_method="env://"
            )
    return Group(place.rank, place.size)


def part() -> None:
    """Leave the group, if this process is in one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
