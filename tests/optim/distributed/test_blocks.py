from __future__ import annotations

import torch
from torch import Tensor, nn

from dlrun.optim.distributed.blocks import blocks_of, largest_block


class Layer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.second(self.first(inputs))  # type: ignore[no-any-return]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.middle, self.output = nn.Embedding(50, 20), nn.Linear(20, 20), nn.Linear(20, 50, bias=False)
        self.output.weight = self.table.weight


def test_each_of_ten_layers_is_a_block_and_the_last_block_is_the_model() -> None:
    model = nn.Sequential(*(Layer(8) for _ in range(10)), nn.LayerNorm(8))
    assert blocks_of(model) == [*model[:10], model[10], model]  # the norm's 16 weights of 1,456 are 1.1 %


def test_small_modules_are_left_to_the_module_around_them() -> None:
    model = nn.Sequential(*(Layer(16) for _ in range(10)), nn.LayerNorm(16))
    assert blocks_of(model) == [*model[:10], model]  # 32 of 5,472 are 0.6 %


def test_a_module_of_more_than_an_eighth_is_opened_up_to_single_layers() -> None:
    model = nn.Sequential(Layer(8), Layer(8))
    (one, two) = model
    assert blocks_of(model) == [one.first, one.second, two.first, two.second, model]


def test_a_module_of_torch_with_layers_inside_is_never_opened() -> None:
    model = nn.ModuleDict({"attention": nn.MultiheadAttention(8, 2), "dense": nn.Linear(8, 8)})
    assert blocks_of(model)[:-1] == list(model.values())


def test_a_shared_weight_stays_with_the_model_around_its_owners() -> None:
    model = Tied()
    assert blocks_of(model) == [model.middle, model]


def test_a_layer_that_does_not_run_while_its_weight_is_used_is_no_block() -> None:
    model = Layer(8)
    running = {id(model.first.weight): frozenset({id(model)})}
    assert blocks_of(model, running) == [model.second, model]


def test_the_largest_block_counts_no_weight_of_blocks_inside_it() -> None:
    model = Layer(8)
    assert largest_block(model) == 4 * (64 + 8)
    assert largest_block(nn.Linear(3, 2, dtype=torch.float64)) == 8 * 8
