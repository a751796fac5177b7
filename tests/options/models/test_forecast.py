"""The forecast model starts as the naive forecast, in the targets' units, and corrects it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.data.spec import DataSpec, Scaling
from dlrun.errors import ConfigError
from dlrun.options.models.forecast import forecast


def spec(columns: int = 1, **more: object) -> DataSpec:
    targets = len(more.get("continues", (0,)))  # type: ignore[arg-type]
    fields = {"goal": "regression", "num_outputs": 3 * targets, "continues": (0,), **more}
    return DataSpec("sequence", (8, columns), **fields)  # type: ignore[arg-type]


def model(of: DataSpec, *, hidden: int = 0, dropout: float = 0.0, other_columns: bool = True) -> nn.Module:
    return forecast(of, hidden=hidden, dropout=dropout, other_columns=other_columns)


def only(module: nn.Module, naive: int) -> nn.Module:
    """Give all weight to one naive forecast."""
    with torch.no_grad():
        module.naive.fill_(-1e9)  # type: ignore[operator, union-attr]
        module.naive[..., naive] = 0.0  # type: ignore[index, operator]
    return module


def windows(columns: int = 1) -> Tensor:
    return torch.randn(5, 8, columns, generator=torch.Generator().manual_seed(0))


def test_the_naive_forecasts_by_hand() -> None:
    inputs = windows()
    past = inputs[:, :, 0]
    repeated = only(model(spec(season=2)), 2)(inputs)
    torch.testing.assert_close(repeated, past[:, [6, 7, 6]])
    torch.testing.assert_close(only(model(spec()), 0)(inputs), past[:, [7, 7, 7]])
    torch.testing.assert_close(only(model(spec()), 1)(inputs), past.mean(dim=1, keepdim=True).expand(-1, 3))


def test_a_new_model_prefers_the_last_season_if_the_window_has_one() -> None:
    assert model(spec(season=4)).naive.argmax(dim=2).unique().tolist() == [2]  # type: ignore[operator, union-attr]
    for season in (1, 9):
        naive = model(spec(season=season)).naive
        assert naive.shape == (1, 3, 2)  # type: ignore[union-attr]
        assert naive.argmax(dim=2).unique().tolist() == [0]  # type: ignore[operator, union-attr]


def test_several_targets_are_ordered_by_time_and_have_their_own_units() -> None:
    of = spec(
        3,
        continues=(2, 0),
        scaling=Scaling((10.0, 0.0, -5.0), (2.0, 1.0, 3.0), 0, 1),
        target_mean=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        target_std=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    )
    inputs = windows(3)
    outputs = only(model(of), 0)(inputs)
    last = inputs[:, -1] * torch.tensor([2.0, 1, 3]) + torch.tensor([10.0, 0, -5])  # raw, (B, F)
    torch.testing.assert_close(
        of.target_scaling.raw(outputs).float(), last[:, [2, 0, 2, 0, 2, 0]], rtol=1e-4, atol=1e-4
    )


def test_what_is_added_to_a_window_is_added_to_the_forecast() -> None:
    """And it grows with the window, nearly: the model has no units."""
    module = model(spec(2), hidden=4)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    inputs = windows(2)
    torch.testing.assert_close(module(inputs + 7), module(inputs) + 7, rtol=1e-4, atol=1e-4)


def test_other_columns_and_hidden_units_are_parts_that_may_be_left_out() -> None:
    names = {name.partition(".")[0] for name, _ in model(spec(2), hidden=4).named_parameters()}
    assert names == {"naive", "linear", "hidden", "others"}
    for module in (model(spec(2), other_columns=False), model(spec(1))):
        assert {name.partition(".")[0] for name, _ in module.named_parameters()} == {"naive", "linear"}
    assert "_factor" not in model(spec()).state_dict()


def test_every_part_is_trained() -> None:
    module = model(spec(2, season=2), hidden=4)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    before = [parameter.clone() for parameter in module.parameters()]
    for _ in range(2):  # the hidden layers follow the layer after them, which starts at 0
        optimizer.zero_grad()
        module(windows(2)).square().mean().backward()
        optimizer.step()
    assert all(not torch.equal(a, b) for a, b in zip(before, module.parameters(), strict=True))


def test_a_flat_window_is_forecast_flat() -> None:
    assert model(spec())(torch.full((1, 8, 1), 3.0)).tolist() == [[3.0, 3.0, 3.0]]


def test_only_series_are_continued() -> None:
    with pytest.raises(ConfigError, match="This model continues a series, but this dataset has 4 features"):
        model(DataSpec("dense", (4,), "regression", 1))
    with pytest.raises(ConfigError, match=r"continues its inputs, and load is not among dataset\.columns\. Add it"):
        model(spec(continues=(-1, 0), class_names=("load+1", "half+1", "load+2", "half+2", "load+3", "half+3")))
