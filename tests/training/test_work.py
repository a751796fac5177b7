"""dlrun.training.work: the work of a training step, by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.threads import Work
from dlrun.optim.device import Device
from dlrun.training.build import Components, build_components
from dlrun.training.work import NO_WORK, _Counting, work_of
from tests.harness import CPU, configure

LENET = (
    "dataset=digits", "dataset.pad=10", "model=cnn", "model.channels=[6,16]", "model.kernel=5", "model.padding=valid",
    "model.hidden=[120,84]", "model.norm=none", "model.dropout=0", "trainer.batch_size=32",
)  # fmt: skip


def built(*words: str) -> Components:
    return build_components(configure(*words, *CPU), Catalog())


def work(*words: str) -> Work:
    found = built(*words)
    return work_of(found.task, found.data, found.config, found.device)


def test_a_perceptron() -> None:
    found = work("dataset=digits", "model=mlp", "model.hidden=[100]", "model.dropout=0", "trainer.batch_size=32")
    assert found.operations == 2 * 32 * (64 * 100 + 100 * 10)
    assert (found.products, found.weights) == (2, 64 * 100 + 100 + 100 * 10 + 10)
    # both layers, the activation in place, log-probabilities of the loss, and little more: probabilities, a mean
    assert 32 * (100 + 100 + 10 + 10) <= found.activations <= 32 * (100 + 100 + 5 * 10)


def test_lenet() -> None:
    found = work(*LENET)
    convolutions = 24 * 24 * 6 * 25 + 8 * 8 * 16 * 6 * 25
    assert found.operations == 2 * 32 * (convolutions + 256 * 120 + 120 * 84 + 84 * 10)
    assert (found.products, found.weights) == (5, 156 + 2416 + 30_840 + 10_164 + 850)
    # each convolution, what is pooled of it and its activation, the layers, log-probabilities, and little more
    least = 24 * 24 * 6 + 2 * 12 * 12 * 6 + 8 * 8 * 16 + 2 * 4 * 4 * 16 + 2 * 204 + 2 * 10
    assert 32 * least <= found.activations <= 32 * 1.1 * least


def test_the_work_grows_with_the_batch_and_the_number_of_products_does_not() -> None:
    small, large = (work("dataset=digits", "model=cnn", f"trainer.batch_size={size}") for size in (16, 160))
    assert large.operations == 10 * small.operations
    assert (large.products, large.weights) == (small.products, small.weights)


def test_a_recurrent_layer_is_one_product_where_it_has_a_kernel_of_its_own() -> None:
    words = ("dataset=digits", "model=rnn", "model.hidden=16", "trainer.batch_size=32")
    fused = work(*words, "model.cell=lstm")
    assert fused.operations == 2 * 32 * (8 * (4 * 16 * 8 + 4 * 16 * 16) + 16 * 10)
    assert fused.products == 2
    stepwise = work(*words, "model.cell=gru")
    assert stepwise.operations == 2 * 32 * (8 * (3 * 16 * 8 + 3 * 16 * 16) + 16 * 10)
    assert stepwise.products == 1 + 8 + 1  # the inputs of all steps, the state of each, the outputs


def test_a_step_on_another_device_is_no_work_for_the_cpu() -> None:
    found = built("dataset=iris", "model=linear")
    assert work_of(found.task, found.data, found.config, Device(torch.device("cuda"), "fp32", 1)) == NO_WORK


def test_counting_changes_neither_weights_nor_random_numbers() -> None:
    found = built("dataset=iris", "model=mlp", "model.dropout=0.5")
    before = {name: value.clone() for name, value in found.task.state_dict().items()}
    torch.manual_seed(0)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    work_of(found.task, found.data, found.config, found.device)
    assert torch.equal(torch.rand(3), drawn)
    assert all(torch.equal(value, before[name]) for name, value in found.task.state_dict().items())


@pytest.mark.parametrize(
    ("compute", "operations", "activations"),
    [
        (lambda: torch.ones(2, 3) @ torch.ones(3, 5), 2 * 2 * 3 * 5, 10),
        (lambda: torch.ones(4, 2, 3) @ torch.ones(4, 3, 5), 2 * 4 * 2 * 3 * 5, 40),
        (lambda: torch.baddbmm(torch.ones(4, 2, 5), torch.ones(4, 2, 3), torch.ones(4, 3, 5)), 2 * 4 * 2 * 3 * 5, 40),
        # each of 3 x 3 results of 4 channels needs 2 x 2 numbers of the 3 channels of its group
        (lambda: torch.conv2d(torch.ones(1, 6, 4, 4), torch.ones(4, 3, 2, 2), groups=2), 2 * 36 * 12, 36),
        # each of 4 x 4 inputs of 3 channels goes into 2 x 2 numbers of 5 channels
        (lambda: torch.conv_transpose2d(torch.ones(1, 3, 4, 4), torch.ones(3, 5, 2, 2)), 2 * 48 * 20, 125),
        (
            lambda: nn.functional.scaled_dot_product_attention(*(torch.ones(2, 3, n, 8) for n in (4, 7, 7))),
            2 * 2 * 2 * 3 * 4 * 7 * 8,
            None,
        ),
    ],
)
def test_operations_of_each_product(compute: Callable[[], Tensor], operations: int, activations: int | None) -> None:
    with _Counting() as idle:
        inputs = torch.ones(1)
        assert inputs.view(1, 1).numel() == 1  # a view computes nothing
    with _Counting() as counted:
        compute()
    assert (counted.operations, counted.products, idle.products) == (operations, 1, 0)
    if activations is not None:
        assert counted.activations >= activations
