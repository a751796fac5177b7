"""dlrun.report.ranks: who trains together, in one line."""

from __future__ import annotations

import torch

from dlrun.configuration.place import Place
from dlrun.optim.device import Device
from dlrun.optim.distributed.group import Group
from dlrun.report.ranks import ranks_line


def device(hosts: list[str], *, kind: str = "cpu", threads: int = 1) -> Device:
    return Device(torch.device(kind), "fp32", threads, group=Group(0, len(hosts), hosts=hosts))


def test_processes_of_one_machine() -> None:
    place = Place(0, 2, 0, 2, "127.0.0.1:41233")
    assert ranks_line(device(["here", "here"]), place, batch_size=32) == (
        "2 processes on this machine (gloo, 127.0.0.1:41233), 16 rows each of batches of 32, 1 thread each"
    )
    assert ranks_line(device(["here", "here"], threads=2), place, batch_size=3) == (
        "2 processes on this machine (gloo, 127.0.0.1:41233), 1 or 2 rows each of batches of 3, 2 threads each"
    )


def test_processes_of_several_machines() -> None:
    place = Place(0, 4, 0, 2, "a:29500")
    assert ranks_line(device(["a", "a", "a", "b"], kind="cuda"), place, batch_size=64) == (
        "4 processes on 2 machines (NCCL, a:29500), 16 rows each of batches of 64, a GPU each: "
        "a has ranks 0 to 2, b has rank 3"
    )
    many = ranks_line(device([str(host) for host in range(10)]), place, batch_size=10)
    assert many.endswith(": 0 has rank 0, 1 has rank 1, 2 has rank 2, 3 has rank 3, 4 has rank 4, 5 has rank 5, "
                         "6 has rank 6, 7 has rank 7, and 2 more")  # fmt: skip
