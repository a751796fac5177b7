"""dlrun.optim.device: what a machine cannot do is an error, and the device in words."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError
from dlrun.optim.device import Device, available, set_up
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
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert available()[-2:] == ["cuda", "cpu"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert available()[-1] == "cpu"


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
