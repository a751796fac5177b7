"""What a user learns before training begins: impossible combinations, and mistakes of their own model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
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
        (
            ("dataset=iris", "model=mlp", "device=mps"),
            "float64, which GPUs of Apple do not have. device=cpu trains on a Mac",
        ),
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


def test_a_single_row_has_an_id_and_a_fix() -> None:
    words = ("dataset=iris", "model=mlp", "model.norm=batch", *CPU)
    with pytest.raises(ConfigError) as caught:
        build_components(configure(*words, "trainer.batch_size=107"), Catalog())
    (problem,) = caught.value.problems
    assert (problem.id, problem.fix) == ("single-row-batch", "model.norm=layer")
    build_components(configure(*words, "trainer.batch_size=107", "model.norm=layer"), Catalog())


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
        ("nn.LazyLinear(3)", "It has layers of unknown size (nn.Lazy...); give each its size"),
    ],
)
def test_common_mistakes_are_found_before_training(
    tmp_path: Path, body: str, message: str, dlrun: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN.format(name="mine", body=body))
    code, _, err = dlrun("check", "--plugin", "mine.py", "model=mine", "dataset=iris", "device.threads=1")
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("dataset=breast_cancer",), "nn.Sequential(nn.Linear(30, 1), nn.Softmax(dim=1))"),
        (
            ("dataset=text", "dataset.path=example:gpl3_text.txt", "dataset.task=language"),
            "nn.Sequential(nn.Embedding(spec.vocabulary_size, spec.num_outputs), nn.Softmax(dim=-1))",
        ),
    ],
)
def test_a_softmax_is_found_for_two_classes_and_for_tokens(tmp_path: Path, words: tuple[str, ...], body: str) -> None:
    (tmp_path / "ends.py").write_text(PLUGIN.format(name="ends", body=body))
    with pytest.raises(ConfigError, match="The model ends in a softmax") as caught:
        _build(*words, "model=ends", plugins=(tmp_path / "ends.py",))
    assert [problem.id for problem in caught.value.problems] == ["softmax-before-cross-entropy"]


def test_a_loss_of_the_users_own_may_take_probabilities(tmp_path: Path) -> None:
    body = "nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1))"
    (tmp_path / "ends.py").write_text(PLUGIN.format(name="ends", body=body))
    loss = (
        "from torch import nn\nLoss = nn.Module\ndef own(spec) -> Loss:\n    '''A loss.'''\n    return nn.NLLLoss()\n"
    )
    (tmp_path / "own.py").write_text(loss)
    _build("dataset=iris", "model=ends", "loss=own", plugins=(tmp_path / "ends.py", tmp_path / "own.py"))


def _build(*words: str, plugins: tuple[Path, ...]) -> None:
    """Build a run with plugins."""
    catalog = Catalog(plugins=plugins)
    (plan,) = plan_runs(parse_overrides((*words, *CPU), catalog), catalog)
    build_components(compose(plan, catalog).config, catalog)


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


@pytest.mark.parametrize(
    ("words", "kind", "fix"),
    [
        (("dataset=iris", "model=cnn"), "model-mismatch", "model=mlp"),
        (("dataset=iris", "model=rnn"), "model-mismatch", "model=mlp"),
        (
            ("dataset=digits", "model=cnn", "model.kernel=7", "model.padding=valid", "model.channels=[4,4]"),
            "too-small-images",
            "model.channels=[4]",
        ),
        (
            ("dataset=digits", "model=cnn", "model.kernel=9", "model.padding=valid", "model.channels=[4]"),
            "too-small-images",
            "model.padding=same",
        ),
        (("dataset=digits", "model=cnn", "model.kernel=4"), "contradiction", "model.kernel=5"),
        (
            ("dataset=iris", "model=mlp", "model.norm=batch", "trainer.batch_size=1"),
            "single-row-batch",
            "model.norm=layer",
        ),
        (("dataset=iris", "model=linear", "loss=mse"), "loss-mismatch", "loss=auto"),
        (("dataset=digits", "model=gan", "loss=mse"), "loss-mismatch", "loss=auto"),
        (("dataset=iris", "model=mlp", "metric=acuracy"), "unknown-metric", "metric=accuracy"),
        (("dataset=iris", "model=mlp", "metric=zzzz"), "unknown-metric", "metric=auto"),
        (("dataset=iris", "model=mlp", "device=mps"), "no-such-device", "device=cpu"),
        (
            ("dataset=iris", "model=mlp", "optimizer=sgd", "optimizer.nesterov=true"),
            "contradiction",
            "optimizer.momentum=0.9",
        ),
        (
            ("dataset=iris", "model=mlp", "dataset.standardise_target=true"),
            "numbers-only",
            "dataset.standardise_target=auto",
        ),
        (
            ("dataset=arrays", "dataset.path=example:wine.npz", "model=mlp", "dataset.augment.shift=1"),
            "images-only",
            "dataset.augment={shift:0,crop:0,flip:false}",
        ),
    ],
)  # fmt: skip
def test_a_refusal_has_its_id_and_the_override_that_mends_it(
    tmp_path: Path, words: tuple[str, ...], kind: str, fix: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        train(tmp_path / "a", *words, *CPU[: 0 if kind == "no-such-device" else None], "trainer.epochs=1")
    assert [(problem.id, problem.fix) for problem in caught.value.problems] == [(kind, fix)]
    config = configure(*[word for word in words if word.partition("=")[0] != fix.partition("=")[0]], fix)
    build_components(config, Catalog())


def test_a_batch_of_one_row_is_mended_by_the_next_size_that_leaves_none() -> None:
    words = ("dataset=digits", "model=resnet", "model.channels=[4,4,4,4]", "model.blocks=[1,1,1,1]")
    rows = len(build_components(configure(*words), Catalog()).data.train)
    with pytest.raises(ConfigError) as caught:
        build_components(configure(*words, f"trainer.batch_size={rows - 1}"), Catalog())
    (found,) = caught.value.problems
    assert (found.id, found.fix) == ("single-row-batch", f"trainer.batch_size={rows}")
    build_components(configure(*words, str(found.fix)), Catalog())
