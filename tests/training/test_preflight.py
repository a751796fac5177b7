"""What a user learns before training begins: impossible combinations, and mistakes of their own model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, DlrunError
from dlrun.tasks.task import SupervisedTask
from dlrun.training.build import build_components
from dlrun.training.preflight import check_task
from tests.harness import CPU, configure, train


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset=iris", "model=cnn"), "A CNN needs images, but this dataset has 4 features"),
        (("dataset=diabetes", "model=gan"), "model=gan"),
        (("dataset=digits", "model=cnn", "model.kernel=9", "model.padding=valid"), "too small for a kernel of 9"),
        (("dataset=iris", "model=mlp", "model.norm=batch", "trainer.batch_size=107"), "a single row"),
        (("dataset=iris", "model=mlp", "model.norm=batch", "trainer.batch_size=1"), "Every batch has a single row"),
        (("dataset=iris", "model=linear", "loss=mse"), "This dataset has 3 classes; use loss=cross_entropy"),
        (("dataset=iris", "model=linear", "loss=binary_cross_entropy"), "3 classes; use loss=cross_entropy"),
        (("dataset=diabetes", "loss=cross_entropy", "model=mlp"), "numbers to predict; use loss=mse"),
        (("dataset=digits", "model=gan", "loss=mse"), "has its own losses; use loss=auto"),
        (("dataset=iris", "model=mlp", "metric=acuracy"), 'This task has no such metric. Did you mean "accuracy"?'),
        (("dataset=iris", "model=mlp", "device=mps"), "This machine has no mps"),
        (
            ("dataset=iris", "model=mlp", "optimizer=sgd", "optimizer.nesterov=true"),
            "Nesterov momentum needs optimizer.momentum above 0",
        ),
        (
            ("dataset=arrays", "dataset.path=example:wine.npz", "model=mlp", "dataset.augment.shift=1"),
            "Only images can be shifted, cropped or flipped",
        ),
        (
            ("dataset=line", "model=linear", "optimizer=sgd", "optimizer.lr=0.01", "trainer.batch_size=100"),
            "Gradient descent diverges on this data above a learning rate of 0.0003",
        ),
    ],
)
def test_impossible_combinations_are_refused_before_training(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    words = tuple(word for word in CPU if not any(other.startswith("device=") for other in words)) + words
    with pytest.raises(DlrunError) as caught:
        train(tmp_path / "a", *words)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_the_largest_stable_learning_rate_is_where_descent_diverges(tmp_path: Path) -> None:
    words = (
        "dataset=line",
        "dataset.test_fraction=0",
        "dataset.val_fraction=0",
        "model=linear",
        "optimizer=sgd",
        "trainer.batch_size=100",
        *CPU,
    )
    train(tmp_path / "below", *words, "optimizer.lr=3.0e-4")
    with pytest.raises(ConfigError):
        train(tmp_path / "above", *words, "optimizer.lr=3.1e-4")


PLUGIN = """
from torch import nn
def {name}(spec, *, width: int = 8):
    '''A model of my own.'''
    return {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))",
            "The model ends in a softmax, but the cross entropy loss expects logits",
        ),
        (
            "nn.Conv2d(3, 32, (3, 3), padding=1, activation='relu')",
            "Building it failed: TypeError: Conv2d.__init__() got an unexpected keyword argument 'activation'",
        ),
        (
            "nn.Linear(64 * 6 * 6, 3)",
            "The model fails on 4 features, 3 classes. The model, Linear(in_features=2304, out_features=3, bias=True), "
            "expects (..., 2304) and gets (8, 4). Write nn.Linear(4, 3).",
        ),
        ("nn.Linear(4, 5)", "Expected an output of shape (8, 3) for 8 rows, got (8, 5). `dlrun.num_logits(spec)`"),
        (
            "nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5))",
            "got (8, 5). The last layer is 2, Linear(in_features=8, out_features=5, bias=True).",
        ),
        (
            "nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.Flatten(0, 1))",
            "got (16, 3). The number of rows has changed: a view(-1, N)",
        ),
        ("nn.Identity()", "The model has no parameters to train"),
    ],
)
def test_common_mistakes_are_found_before_training(
    tmp_path: Path, body: str, message: str, dlrun: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(name="mine", body=body))
    code, _, err = dlrun("check", "--plugin", "mine.py", "model=mine", "dataset=iris", "device.threads=1")
    assert code == 2
    assert message in err


def test_tasks_that_do_not_weight_rows_refuse_weights() -> None:
    config = configure("dataset=digits", "model=gan", *CPU)
    components = build_components(config, Catalog())
    components.data.train.weights = torch.ones(len(components.data.train))
    with pytest.raises(ConfigError, match=r"dataset\.weight\n.*The model gan has its own losses, which do not weight"):
        check_task(components.task, components.data, config)
    language = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)
    task = SupervisedTask(nn.Linear(2, 2), nn.CrossEntropyLoss(), language)
    with pytest.raises(ConfigError, match="Language models do not support weights of rows"):
        check_task(task, components.data, config)
