"""dlrun.optim.device: what a machine cannot do is an error, and the device in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError
from dlrun.optim.device import Device, available, own_cores, set_up, use_threads
from tests.harness import SMALL, configure


def on_cuda(precision: str) -> RunConfig:
    config = configure(*SMALL)
    settings = dataclasses.replace(config.device_settings, precision=precision)
    return dataclasses.replace(config, device_name="cuda", device_settings=settings)


def test_a_missing_device_is_an_error_that_lists_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.optim.device.available", lambda: ["cpu"])
    with pytest.raises(ConfigError, match=r"device=cuda\n *This machine has no cuda .* it has cpu. device=auto uses"):
        set_up(on_cuda("fp32"))


def test_bf16_on_a_gpu_without_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.optim.device.available", lambda: ["cuda", "cpu"])
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla P100")
    with pytest.raises(ConfigError, match=r"device.precision=bf16\n *Tesla P100 cannot compute in bf16; use fp16 or"):
        set_up(on_cuda("bf16"))


def test_the_best_device_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)  # a Mac trains on its processor
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert available() == ["cuda", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert available() == ["cpu"]


def test_a_run_on_the_cpu_asks_for_no_other_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("dlrun.optim.device.available")  # asking starts CUDA's driver, which a fork does not survive
    assert set_up(configure(*SMALL, "device=cpu")).torch.type == "cpu"


def test_a_rule_that_chose_the_threads_is_named() -> None:
    assert Device(torch.device("cpu"), "fp32", 1).describe(is_auto=True) == "cpu, auto (1 thread), fp32"
    assert Device(torch.device("mps"), "fp32", 1).describe(is_auto=True) == "mps, fp32"


@pytest.fixture
def one_thread_after() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


@pytest.mark.usefixtures("one_thread_after")
def test_there_is_one_thread_until_they_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.optim.device._DEFAULT_THREADS", 3)
    torch.set_num_threads(2)
    found = set_up(configure(*SMALL, "device.threads=4"))
    assert torch.get_num_threads() == found.threads == 1
    assert use_threads(found, 2, of_cores=8) == Device(torch.device("cpu"), "fp32", 2, cores=8)
    assert torch.get_num_threads() == 2
    assert use_threads(found, None).threads == torch.get_num_threads() == 3  # torch's own number


def test_a_run_may_use_no_more_cores_than_torch_has_threads_and_the_machine_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dlrun.optim.device._DEFAULT_THREADS", 8)
    for allowed, expected in ((4, 4), (16, 8)):
        monkeypatch.setattr("dlrun.optim.device.cores", lambda allowed=allowed: allowed)
        assert own_cores() == expected


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (Device(torch.device("cpu"), "fp32", 1), "cpu, 1 thread, fp32"),
        (Device(torch.device("cpu"), "bf16", 2), "cpu, 2 threads, bf16"),
        (Device(torch.device("mps"), "fp32", 2), "mps, fp32"),
    ],
)
def test_a_device_in_words(device: Device, text: str) -> None:
    assert device.describe() == text
