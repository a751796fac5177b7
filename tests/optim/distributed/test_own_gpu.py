"""dlrun.optim.distributed.own_gpu: each process has a GPU of its own, also where it sees no other."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dlrun.configuration.place import Place
from dlrun.errors import ConfigError
from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.own_gpu import check_different, check_own_gpus, number_of_gpu


def test_of_several_gpus_each_process_has_that_of_its_local_rank() -> None:
    assert [number_of_gpu(Place(4 + n, 8, n, 4), 4) for n in range(4)] == [0, 1, 2, 3]
    assert number_of_gpu(Place(1, 2, 1, 2), 8) == 1


def test_the_only_gpu_that_a_process_sees_is_its_own() -> None:
    assert [number_of_gpu(Place(4 + n, 8, n, 4), 1) for n in range(4)] == [0, 0, 0, 0]


def test_fewer_gpus_than_processes_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        number_of_gpu(Place(0, 4, 0, 4), 2)
    assert str(raised.value) == (
        "1 problem in the configuration:\n  device.processes\n"
        "      This process sees 2 GPUs, and its machine has 4 processes; each needs one."
    )
    assert raised.value.problems[0].fix == "device.processes=2"


def test_two_processes_with_one_gpu_are_named() -> None:
    gpus = [["H100", "GPU-a 0 1 0"], ["H100", "GPU-b 0 2 0"], ["H100", "GPU-a 0 1 0"]]
    check_different(gpus[:2], ["node1", "node1"])
    check_different(gpus, ["node1", "node1", "node2"])  # where no number tells one GPU from another
    with pytest.raises(ConfigError) as raised:
        check_different(gpus, ["node1"] * 3)
    assert str(raised.value) == (
        "1 problem in the configuration:\n  device.processes\n"
        "      Ranks 0 and 2 on node1 would share one GPU (H100), and each process needs its own. The 3 processes see "
        "2 GPUs in all: start as many processes, or let each see another GPU (CUDA_VISIBLE_DEVICES; in SLURM "
        "--gpus-per-task=1)."
    )
    assert raised.value.problems[0].fix == "device.processes=2"
    with pytest.raises(ConfigError, match=r"Ranks 0, 1 and 2 on node1 would .* The 3 processes see 1 GPU in all"):
        check_different(gpus[:1] * 3, ["node1"] * 3)


class Gathering(Group):
    """Two processes, of which the other tells the same."""

    def gathered(self, value: Any) -> list[Any]:
        return [value, value]


def test_gpus_are_compared_by_what_cuda_says_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []

    def properties(device: torch.device) -> SimpleNamespace:
        asked.append(device)
        return SimpleNamespace(name="H100", uuid="GPU-a", pci_bus_id=27)

    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    hosts: Sequence[str] = ("node1", "node1")
    check_own_gpus(Gathering(0, 2, hosts=hosts), torch.device("cpu"))
    check_own_gpus(Group(), torch.device("cuda", 0))
    assert asked == []
    with pytest.raises(ConfigError, match=r"Ranks 0 and 1 on node1 would share one GPU \(H100\)"):
        check_own_gpus(Gathering(0, 2, hosts=hosts), torch.device("cuda", 0))
    assert asked == [torch.device("cuda", 0)]
