"""Shapley values of columns, on models whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import DataSpec, Scaling
from dlrun.data.tables.columns import Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.runs.explain.columns import columns_of, explain_columns
from dlrun.runs.explain.outputs import Question, answer_of
from tests.harness import configure
from tests.runs.explain.known import linear, loaded, model_of, needs_captum, row

NUMBERS = DataSpec("dense", (3,), "regression", 1, scaling=Scaling((1.0, 2.0, 0.0), (2.0, 1.0, 4.0), -9.0, 9.0),
    target_mean=100.0, target_std=10.0,
)  # fmt: skip
TABLE = DataSpec("dense", (4,), "regression", 1)


class Product(nn.Module):
    """The product of the first two columns, and the third."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs[:, :1] * inputs[:, 1:2] + inputs[:, 2:]


def table_encoder(*, embed: bool = False) -> TableEncoder:
    """A category and a number that may be missing: number, flag, "blue", "red"; embedded: number, flag, code."""
    columns = [Column("colour", "category"), Column("size", "number")]
    encoder = TableEncoder(columns, embed=embed, max_categories=9, words={"colour": ["blue", "red"]})
    encoder.fit(torch.tensor([[0.0, 1.0], [1.0, torch.nan], [1.0, 3.0]]))
    return encoder


@needs_captum
def test_a_linear_model_adds_its_weight_times_the_distance_from_the_mean_in_the_targets_unit() -> None:
    run = loaded(NUMBERS, linear(torch.tensor([[3.0, -1.0, 0.0]]), bias=0.5))
    answer = answer_of(run, Question(), torch.zeros(1, 1))
    found = explain_columns(run, model_of(run), row(torch.tensor([5.0, 4.0, 8.0])), answer)
    shares = found.parts["column"]
    assert [share.name for share in shares] == ["feature 1", "feature 2", "feature 3"]
    assert [share.value for share in shares] == ["5", "4", "8"]
    # 10 * 3 * (5 - 1) / 2, 10 * -1 * (4 - 2) / 1, 0
    assert [share.amount for share in shares] == pytest.approx([60, -20, 0], abs=1e-4)
    assert (found.value, found.base) == pytest.approx((145, 105))  # 100 + 10 * (6 - 2 + 0.5), 100 + 10 * 0.5
    assert found.missing == pytest.approx(0, abs=1e-4)
    assert found.baseline == "the means of the training rows"
    assert found.method == "Shapley values, 6 orders"


@needs_captum
def test_what_two_columns_do_together_is_shared_equally() -> None:
    run = loaded(DataSpec("dense", (3,), "regression", 1), Product())
    answer = answer_of(run, Question(), torch.zeros(1, 1))
    found = explain_columns(run, model_of(run), row(torch.tensor([4.0, 3.0, 7.0])), answer)
    assert [share.amount for share in found.parts["column"]] == pytest.approx([6, 6, 7])


@needs_captum
def test_one_hot_codes_and_flags_are_one_column_in_the_order_of_the_table() -> None:
    run = loaded(TABLE, linear(torch.tensor([[1.0, 10.0, 100.0, 1000.0]])), encoder=table_encoder())
    answer = answer_of(run, Question(), torch.zeros(1, 1))
    features = torch.tensor([3.0, 1.0, 0.0, 1.0])  # missing, filled with another value; red
    found = explain_columns(run, model_of(run), row(features), answer)
    shares = [(share.name, share.value, pytest.approx(share.amount)) for share in found.parts["column"]]
    # without a scaling the baseline is the median, 2, of a number that is there, and no category
    assert shares == [("colour", "red", 1000), ("size", "(missing)", 3 - 2 + 10)]
    assert found.base == pytest.approx(2)
    assert found.baseline == "the medians of the training rows, no category"


@needs_captum
def test_categories_as_codes_need_no_gradient() -> None:
    class Codes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(3, 1)
            self.table.weight.data = torch.tensor([[0.0], [5.0], [-7.0]])

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs[:, :1] + self.table(inputs[:, 2].long())

    run = loaded(DataSpec("dense", (3,), "regression", 1, categories=(3,)), Codes(), encoder=table_encoder(embed=True))
    answer = answer_of(run, Question(), torch.zeros(1, 1))
    found = explain_columns(run, model_of(run), row(torch.tensor([4.0, 0.0, 2.0])), answer)
    assert [share.amount for share in found.parts["column"]] == pytest.approx([-7, 2])


@needs_captum
def test_many_columns_are_ranked_and_add_up() -> None:
    torch.manual_seed(0)
    weights = torch.randn(1, 40)
    model = nn.Sequential(linear(torch.eye(40)), nn.Tanh(), linear(weights))
    run = loaded(DataSpec("dense", (40,), "regression", 1), model)
    answer = answer_of(run, Question(), torch.zeros(1, 1))
    found = explain_columns(run, model_of(run), row(torch.linspace(-2, 2, 40)), answer)
    expected = (weights[0] * torch.linspace(-2, 2, 40).tanh()).tolist()
    assert [share.amount for share in found.parts["column"]] == pytest.approx(expected, abs=1e-5)
    assert found.missing == pytest.approx(0, abs=1e-4)
    assert found.method == "Shapley values, 128 orders"


def test_bundled_tables_have_names() -> None:
    run = loaded(DataSpec("dense", (4,), "multiclass", 3), linear(torch.zeros(3, 4)), "dataset=iris")
    columns = columns_of(run)
    assert list(columns.names) == ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"]
    assert columns.groups.tolist() == [0, 1, 2, 3]


@needs_captum
def test_an_ensemble_of_networks_adds_up() -> None:
    torch.manual_seed(0)
    spec = DataSpec("dense", (3,), "multiclass", 3, class_names=("a", "b", "c"))
    words = ("dataset=iris", "model=tabular", "model.linear=false", "model.additive=false", "model.members=4")
    decided = ("model.share=1", "model.frequencies=16")
    model = Catalog().load("model", "tabular")(spec, **configure(*words, *decided).model.arguments)
    run = loaded(spec, model, *words)
    given = row(torch.tensor([0.5, -2.0, 1.0]))
    outputs = model_of(run).answer(given)
    answer = answer_of(run, Question(), outputs)
    found = explain_columns(run, model_of(run), given, answer)
    assert found.value == pytest.approx(float(answer.pick(outputs)), abs=1e-5)
    assert found.missing == pytest.approx(0, abs=1e-5)
