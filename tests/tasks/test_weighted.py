"""dlrun.tasks.weighted: a weight of k counts as k rows, in every loss, every metric and every step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.huber import huber
from dlrun.options.losses.mae import mae
from dlrun.options.losses.mse import mse
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask
from dlrun.tasks.weighted import counts_of, weighted_loss
from tests.harness import CPU, rows_without_seconds, train, train_with_a_break, weights

NUMBERS = DataSpec("dense", (2,), "regression", 2, target_mean=3.0, target_std=2.0)
TWO = DataSpec("dense", (2,), "binary", 2, class_counts=(3, 1))
THREE = DataSpec("dense", (2,), "multiclass", 3, class_counts=(2, 1, 1))
LOSSES = [
    (NUMBERS, mse(NUMBERS)),
    (NUMBERS, mae(NUMBERS)),
    (NUMBERS, huber(NUMBERS, delta=0.5)),
    (NUMBERS, nn.SmoothL1Loss()),
    (TWO, binary_cross_entropy(TWO, label_smoothing=0.0, class_weights="none")),
    (TWO, binary_cross_entropy(TWO, label_smoothing=0.1, class_weights="balanced")),
    (THREE, cross_entropy(THREE, label_smoothing=0.0, class_weights="none")),
    (THREE, cross_entropy(THREE, label_smoothing=0.0, class_weights=[1.0, 2.0, 0.5])),
    (THREE, cross_entropy(THREE, label_smoothing=0.2, class_weights="balanced")),
]
COUNTS = torch.arange(60) % 4  # some of them 0


def made(spec: DataSpec) -> tuple[Tensor, Tensor]:
    """Outputs and targets of 60 rows."""
    drawn = torch.Generator().manual_seed(3)
    outputs = torch.randn(60, goal_of(spec).num_logits(spec), generator=drawn)
    if spec.goal == "regression":
        return outputs, torch.randn(60, spec.num_outputs, generator=drawn)
    return outputs, torch.randint(0, spec.num_outputs, (60,), generator=drawn)


@pytest.mark.parametrize(("spec", "loss"), LOSSES)
def test_a_weight_counts_as_that_many_rows_in_the_loss(spec: DataSpec, loss: nn.Module) -> None:
    outputs, targets = made(spec)
    weighted = weighted_loss(loss)
    assert weighted is not None
    repeated = loss(outputs.repeat_interleave(COUNTS, 0), targets.repeat_interleave(COUNTS, 0))
    torch.testing.assert_close(weighted(outputs, targets, 0.5 * COUNTS), repeated)
    torch.testing.assert_close(weighted(outputs, targets, torch.ones(60)), loss(outputs, targets))
    assert weighted(outputs, targets, torch.zeros(60)).item() == 0.0


@pytest.mark.parametrize("spec", [NUMBERS, TWO, THREE])
def test_a_weight_counts_as_that_many_rows_in_each_metric(spec: DataSpec) -> None:
    outputs, targets = made(spec)
    outputs = (4 * outputs).round() / 4  # with ties
    loss = next(loss for of, loss in LOSSES if of is spec)
    weighted = weighted_loss(loss)
    assert weighted is not None
    ours, theirs = (goal_of(spec).meter(spec, torch.device("cpu")) for _ in range(2))
    for part in (slice(0, 25), slice(25, 60)):
        out, wanted, counts = outputs[part], targets[part], COUNTS[part]
        ours.add(out, wanted, weighted(out, wanted, counts.float()), counts.float())
        repeated = out.repeat_interleave(counts, 0), wanted.repeat_interleave(counts, 0)
        theirs.add(*repeated, loss(*repeated))
    assert ours.result() == pytest.approx(theirs.result(), rel=1e-6)


class Own(nn.Module):
    """A plugin's loss, which returns one number."""

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean()


def test_a_loss_of_one_number_has_no_weighted_form() -> None:
    for loss in (Own(), nn.MSELoss(reduction="sum"), nn.CrossEntropyLoss(weight=torch.ones(3)), nn.KLDivLoss()):
        assert weighted_loss(loss) is None
    assert not SupervisedTask(nn.Linear(2, 2), Own(), NUMBERS).uses_weights
    assert SupervisedTask(nn.Linear(2, 2), nn.MSELoss(), NUMBERS).uses_weights
    language = DataSpec("tokens", (7,), "language", 11, vocabulary_size=11)
    assert not SupervisedTask(nn.Linear(2, 2), nn.CrossEntropyLoss(), language).uses_weights


def test_a_step_uses_the_weights_of_its_batch() -> None:
    task = SupervisedTask(nn.Linear(2, 2), nn.MSELoss(), NUMBERS)
    inputs, targets = torch.randn(4, 2), torch.randn(4, 2)
    losses = (task.model(inputs) - targets).square().mean(dim=1)
    out = task.train_step(Batch(inputs, targets, weights=torch.tensor([1.0, 0, 0, 3])), lambda name, loss: None)
    torch.testing.assert_close(out["loss"], ((losses[0] + 3 * losses[3]) / 4).detach())


HEAD = "a,b,w,y\n"


def rows(*, times: int = 1) -> str:
    """Sixty rows; weights 0, 1 and 2, or rows that many times."""
    values = [(f"{i % 7},{i * 5 % 11}", i % 3, (i * 37 % 100) / 10) for i in range(60)]
    if times:
        return HEAD + "".join(f"{x},{weight},{y}\n" for x, weight, y in values)
    return HEAD + "".join(f"{x},1,{y}\n" * weight for x, weight, y in values)


TABLE = (
    *CPU, "dataset=table", "dataset.target=y", "dataset.test_fraction=0", "dataset.val_fraction=0", "model=mlp",
    "model.hidden=[5]", "dataset.standardise=false",
    "dataset.standardise_target=false", "trainer.epochs=3", "dataset.weight=w",
)  # fmt: skip


def test_weights_train_as_repeated_rows_do_and_accumulation_is_a_larger_batch(tmp_path: Path) -> None:
    Path("w.csv").write_text(rows())
    Path("r.csv").write_text(rows(times=0))
    for name, words in {
        "weighted": ("dataset.path=w.csv", "trainer.batch_size=60"),
        "repeated": ("dataset.path=r.csv", "trainer.batch_size=60"),
        "accumulated": ("dataset.path=w.csv", "trainer.batch_size=7", "trainer.accumulate=9"),
    }.items():
        train(tmp_path / name, *TABLE, "optimizer=sgd", "optimizer.lr=0.01", *words)
    expected = weights_of(tmp_path / "repeated")
    for name in ("weighted", "accumulated"):
        found = weights_of(tmp_path / name)
        for key, tensor in expected.items():
            torch.testing.assert_close(found[key], tensor, rtol=1e-4, atol=1e-5)


def weights_of(folder: Path) -> dict[str, Tensor]:
    last = (folder / "checkpoints" / "last").read_text().strip()
    return load_file(folder / "checkpoints" / last / "model.safetensors")


def test_a_weighted_run_that_is_killed_and_resumed_ends_with_the_same_bytes(tmp_path: Path) -> None:
    Path("w.csv").write_text(rows())
    words = (*TABLE, "dataset.path=w.csv", "dataset.val_fraction=0.2", "trainer.batch_size=8", "trainer.accumulate=2")
    words = (*words, "trainer.log_every=1")
    train(tmp_path / "whole", *words)
    train_with_a_break(tmp_path / "resumed", *words, stop_after=4)
    assert weights(tmp_path / "resumed") == weights(tmp_path / "whole")
    assert rows_without_seconds(tmp_path / "resumed") == rows_without_seconds(tmp_path / "whole")


def test_a_loss_that_cannot_weight_rows_is_refused_in_words(dlrun: Callable[..., tuple[int, str, str]]) -> None:
    Path("w.csv").write_text(rows())
    Path("own.py").write_text(
        "from torch import nn\nfrom dlrun import DataSpec\nLoss = nn.Module\n\n"
        "def own(spec: DataSpec) -> Loss:\n    return Own()\n\n"
        "class Own(nn.Module):\n    def forward(self, outputs, targets):\n"
        "        return (outputs - targets).abs().mean()\n"
    )
    code, _, err = dlrun("check", *TABLE, "dataset.path=w.csv", "loss=own", "--plugin", "own.py")
    assert code == 2
    assert "The loss own returns one number for a batch and cannot weight its rows. Give it a method" in err


def test_rows_count_alike_in_losses_that_are_plain_means() -> None:
    targets = torch.tensor([0, 1, 2])
    assert counts_of(nn.CrossEntropyLoss(), targets) is None
    assert counts_of(nn.MSELoss(), targets) is None
    assert counts_of(nn.CrossEntropyLoss(weight=torch.ones(3), reduction="sum"), targets) is None


def test_rows_count_by_class_by_weight_and_by_the_steps_that_have_a_target() -> None:
    by_class = counts_of(nn.NLLLoss(weight=torch.tensor([1.0, 2.0])), torch.tensor([0, 1]))
    assert by_class is not None
    assert by_class(torch.tensor([0, 1, 1]), None).tolist() == [1.0, 2.0, 2.0]
    assert by_class(torch.tensor([0, 1, 1]), torch.tensor([3.0, 0.0, 1.0])).tolist() == [3.0, 0.0, 2.0]
    steps = torch.tensor([[0, 1, -100], [-100, -100, -100]])
    left_out = counts_of(nn.CrossEntropyLoss(), steps)
    assert left_out is not None
    assert left_out(steps, None).tolist() == [2.0, 0.0]
    assert by_class(torch.tensor([[0.1, 0.9]]), None).tolist() == [1.0]  # probabilities: a mean over rows


def test_a_loss_may_say_itself_how_much_rows_count() -> None:
    class Counting(nn.Module):
        def counts(self, targets: Tensor, weights: Tensor | None) -> Tensor:
            return targets * 2.0

    found = counts_of(Counting(), torch.tensor([1]))
    assert found is not None
    assert found(torch.tensor([1, 2]), None).tolist() == [2.0, 4.0]
