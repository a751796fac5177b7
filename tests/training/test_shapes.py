"""Shapes followed through a model: which layer fails, what it got and what it expects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dlrun.training.shapes import Trace
from tests.harness import CPU

TUTORIAL = """import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d({channels}, 8, (3, 3), padding=1)
        self.pool1 = nn.MaxPool2d((2, 2))
        self.conv2 = nn.Conv2d(8, 16, (3, 3), padding=1)
        self.pool2 = nn.MaxPool2d((2, 2))
        self.flatten = nn.Flatten()
        self.dense1 = nn.Linear({flat}, 12)
        self.dense2 = nn.Linear(12, 10)

    def forward(self, x):
        x = self.pool1(self.conv1(x))
        x = self.pool2(self.conv2(x))
        {middle}
        return self.dense2(self.dense1(x))

def net(spec):
    return Net()
"""


@pytest.mark.parametrize(
    ("channels", "flat", "middle", "message"),
    [
        (
            1,
            "16 * 4 * 4",
            "x = self.flatten(x)",
            "The layer dense1, Linear(in_features=256, out_features=12, bias=True), expects (..., 256) and gets "
            "(8, 64) (net.py, line 19, `return self.dense2(self.dense1(x))`). Write nn.Linear(64, 12). "
            "Before it: ...; pool1 MaxPool2d -> (8, 8, 4, 4); conv2 Conv2d -> (8, 16, 4, 4); "
            "pool2 MaxPool2d -> (8, 16, 2, 2); flatten Flatten -> (8, 64).",
        ),
        (
            3,
            64,
            "x = self.flatten(x)",
            "The layer conv1, Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)), expects (B, 3, H, W) "
            "and gets (8, 1, 8, 8), which has 1 channel (net.py, line 16, `x = self.pool1(self.conv1(x))`). "
            "Write nn.Conv2d(1, 8, 3).",
        ),
        (
            1,
            64,
            "x = self.flatten(self.pool2(self.pool2(x)))",
            "The layer pool2, MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=0, dilation=1, ceil_mode=False), "
            "expects at least 2x2 for a window and gets (8, 16, 1, 1), which is 1x1 (net.py, line 18, "
            "`x = self.flatten(self.pool2(self.pool2(x)))`). Use fewer pooling layers",
        ),
        (
            1,
            64,
            "x = x.view(8, 63)",
            "The model, Net, in the code of its forward, fails on (8, 1, 8, 8) (net.py, line 18, `x = x.view(8, 63)`): "
            "RuntimeError: shape '[8, 63]' is invalid for input of size 512. Before it: conv1 Conv2d -> (8, 8, 8, 8); "
            "pool1 MaxPool2d -> (8, 8, 4, 4); conv2 Conv2d -> (8, 16, 4, 4); pool2 MaxPool2d -> (8, 16, 2, 2).",
        ),
        (1, 32, "x = x.view(-1, 32)", "got (16, 10). The number of rows has changed: a view(-1, N)"),
        (1, 64, "x = self.flaten(x)", "AttributeError: 'Net' object has no attribute 'flaten'"),
    ],
)
def test_the_layer_that_fails_is_named_with_both_shapes(
    tmp_path: Path,
    channels: int,
    flat: str,
    middle: str,
    message: str,
    dlrun: Callable[..., tuple[int, str, str]],
) -> None:
    (tmp_path / "net.py").write_text(TUTORIAL.format(channels=channels, flat=flat, middle=middle))
    code, _, err = dlrun("check", "--plugin", "net.py", "model=net", "dataset=digits", *CPU)
    assert code == 2
    assert message in err


def test_a_call_that_failed_inside_a_model_that_went_on_is_forgotten() -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(3, 2), nn.Linear(4, 2)

        def forward(self, inputs: Tensor) -> Tensor:
            try:
                out: Tensor = self.first(inputs)
            except RuntimeError:
                out = self.second(inputs)
            return out

    trace, model = Trace(), Tries()
    with trace.of(model):
        model(torch.zeros(5, 4))
    assert [(call.name, call.output) for call in trace.done] == [("second", (5, 2)), ("", (5, 2))]
    assert trace.running == []
    assert not model.first._forward_hooks
    assert not model.first._forward_pre_hooks
    assert trace.largest_call_bytes == 5 * 4 * 4 + 5 * 2 * 4


def test_an_error_outside_any_layer_is_told_as_it_is() -> None:
    assert Trace().explain(ValueError("nothing")) == "ValueError: nothing"


def test_a_layer_that_a_gpu_never_got_is_told_to_be_registered() -> None:
    class Plain(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            raise RuntimeError("Expected all tensors to be on the same device, but found cuda:0 and cpu!")

    trace, model = Trace(), Plain()
    with pytest.raises(RuntimeError) as caught, trace.of(model):
        model(torch.zeros(2, 4))
    assert trace.explain(caught.value) == (
        "The model, Plain(), fails on (2, 4): RuntimeError: Expected all tensors to be on the same device, but found "
        "cuda:0 and cpu!. What a model does not register stays on the CPU: keep layers in nn.ModuleList or "
        "nn.Sequential instead of a plain list, and other tensors with self.register_buffer(name, tensor)."
    )
