"""Generator and discriminator: shapes, losses by hand, which loss updates which, and images of samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.spec import Batch, DataSpec, Scaling
from dlrun.errors import ConfigError
from dlrun.optim.device import Device
from dlrun.optim.updater import Updater
from dlrun.options.datasets.digits import digits
from dlrun.options.models.gan import gan
from dlrun.tasks.gan import OBJECTIVES, GanTask
from dlrun.tasks.task import count_parameters

FIELDS: dict[str, Any] = {
    "architecture": "dense", "latent_dim": 4, "hidden": [6, 8], "channels": [6, 4], "objective": "non_saturating",
    "dropout": 0.0, "activation": "relu", "init": "default", "generator_optimizer": {}, "discriminator_optimizer": {},
}  # fmt: skip


def images(height: int, width: int | None = None, channels: int = 1) -> DataSpec:
    scaling = Scaling((127.5,) * channels, (50.0,) * channels, 0.0, 255.0)
    return DataSpec("image", (channels, height, width or height), "multiclass", 10, scaling=scaling)


def build(spec: DataSpec | None = None, **fields: Any) -> GanTask:
    torch.manual_seed(0)
    task = gan(spec or images(8), **{**FIELDS, **fields})
    assert isinstance(task, GanTask)
    return task


@pytest.fixture(scope="module")
def data() -> DataBundle:
    return prepare("digits", digits(), DatasetSettings(limit=300))


@pytest.mark.parametrize("architecture", ["dense", "conv"])
@pytest.mark.parametrize("spec", [images(8), images(9, 11), images(28), images(32, channels=3), images(64, 20)])
def test_samples_have_the_shape_of_the_images(architecture: str, spec: DataSpec) -> None:
    task = build(spec, architecture=architecture)
    samples = task.generator(torch.randn(3, 4))
    assert samples.shape == (3, *spec.shape)
    assert samples.abs().max() <= 1
    assert task.discriminator(samples).shape == (3, 1)


def test_parameters_of_the_dense_one() -> None:
    task = build(images(8))
    assert count_parameters(task.generator) == (4 * 6 + 6) + (6 * 8 + 8) + (8 * 64 + 64)
    assert count_parameters(task.discriminator) == (64 * 8 + 8) + (8 * 6 + 6) + (6 + 1)


def test_parameters_of_the_convolutional_one() -> None:
    task = build(images(9), architecture="conv")  # 3 -> 5 -> 9: odd sides take kernels of 3
    assert count_parameters(task.generator) == (4 * 6 * 9) + 2 * 6 + (6 * 4 * 9) + 2 * 4 + (4 * 9 + 1)
    assert count_parameters(task.discriminator) == (9 * 4 + 4) + (4 * 9 * 6 + 6) + (6 * 9 + 1)


def test_real_images_are_mapped_from_their_range_to_minus_one_to_one() -> None:
    raw = torch.tensor([0.0, 127.5, 255.0]).reshape(3, 1, 1, 1)
    unit = build(images(8)).to_unit((raw - 127.5) / 50)
    torch.testing.assert_close(unit.flatten(), torch.tensor([-1.0, 0.0, 1.0]))


def test_losses_by_hand() -> None:
    real, fake = torch.tensor([[0.0], [2.0]]), torch.tensor([[0.0], [-3.0]])

    def log_sigmoid(x: float) -> float:
        return -math.log(1 + math.exp(-x))

    both = -(log_sigmoid(0) + log_sigmoid(2)) / 2 - (log_sigmoid(0) + log_sigmoid(3)) / 2
    expected = {
        "saturating": (both, (log_sigmoid(0) + log_sigmoid(3)) / 2),
        "non_saturating": (both, -(log_sigmoid(0) + log_sigmoid(-3)) / 2),
        "hinge": ((1 + 0) / 2 + (1 + 0) / 2, 1.5),
    }
    assert set(OBJECTIVES) == set(expected)
    for name, (of_discriminator, of_generator) in OBJECTIVES.items():
        assert of_discriminator(real, fake).item() == pytest.approx(expected[name][0], rel=1e-6)
        assert of_generator(fake).item() == pytest.approx(expected[name][1], rel=1e-6)


def test_each_loss_updates_its_own_network_only() -> None:
    task = build()
    updated: list[str] = []

    def update(name: str, loss: Tensor) -> None:
        updated.append(name)
        other = task.generator if name == "discriminator" else task.discriminator
        reached = torch.autograd.grad(loss, list(other.parameters()), retain_graph=True, allow_unused=True)
        if name == "discriminator":
            assert all(gradient is None for gradient in reached)

    out = task.train_step(Batch(torch.randn(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)), update)
    assert updated == ["discriminator", "generator"]
    assert set(out) == {"discriminator_loss", "generator_loss"}
    assert not any(value.requires_grad or value.ndim for value in out.values())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_generator_sees_the_discriminator_after_its_update(precision: str) -> None:
    task = build()
    device = Device(torch.device("cpu"), precision, 1)
    optimizers = {name: torch.optim.SGD(part.parameters(), lr=5.0) for name, part in task.param_groups().items()}
    updater = Updater(optimizers, device=device)
    seen: list[tuple[Tensor, Tensor]] = []

    def update(name: str, loss: Tensor) -> None:
        if name == "generator":
            weight = next(task.discriminator.parameters())
            torch.manual_seed(1)
            torch.clear_autocast_cache()
            fresh = task.discriminator(task.generator(torch.randn(5, 4)).detach())
            seen.append((loss.detach(), torch.nn.functional.softplus(-fresh).mean().detach()))
            assert weight.isfinite().all()
        updater(name, loss)

    batch = Batch(torch.randn(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64))
    with device.autocast():
        torch.manual_seed(1)
        task.train_step(batch, update)
    torch.testing.assert_close(seen[0][0], seen[0][1], rtol=0, atol=0)


def test_optimizer_overrides_are_returned_by_group() -> None:
    task = build(generator_optimizer={"lr": 0.1}, discriminator_optimizer={"lr": 0.2})
    assert task.optimizer_overrides() == {"generator": {"lr": 0.1}, "discriminator": {"lr": 0.2}}


def test_evaluation_returns_every_metric_and_draws_no_random_numbers_of_the_run(data: DataBundle) -> None:
    task = build(data.spec)
    task.prepare(data)
    assert not any("scorer" in name for name in task.state_dict())
    assert {name.split(".")[0] for name in task.state_dict()} == {"generator", "discriminator"}
    before = torch.get_rng_state()
    task.eval()
    results = []
    with torch.inference_mode():
        for _ in range(2):
            evaluation = task.evaluation()
            assert data.val is not None
            evaluation.add(data.val.fetch(slice(0, 20)))
            evaluation.add(data.val.fetch(slice(20, None)))
            results.append(evaluation.result())
    assert torch.equal(torch.get_rng_state(), before)
    assert results[0] == results[1]
    assert set(task.metrics) == set(results[0])
    assert results[0]["real_confidence"] > 0.85
    assert results[0]["frechet_distance"] > 10


def test_without_prepare_only_losses_are_returned() -> None:
    evaluation = build().evaluation()
    evaluation.add(Batch(torch.randn(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)))
    assert set(evaluation.result()) == {"generator_loss", "discriminator_loss"}


@pytest.mark.parametrize(
    ("spec", "mode"), [(images(8), "L"), (images(40, channels=3), "RGB"), (images(8, channels=2), "L")]
)
def test_an_image_of_samples_is_replaced_atomically_and_always_the_same(
    spec: DataSpec, mode: str, tmp_path: Path
) -> None:
    task = build(spec)
    path = tmp_path / "samples" / "samples.png"  # the folder is created with the first image
    assert task.write_samples(path)
    first = path.read_bytes()
    torch.manual_seed(5)
    assert task.write_samples(path)
    assert path.read_bytes() == first
    assert [entry.name for entry in path.parent.iterdir()] == ["samples.png"]
    assert task.generator.training
    with Image.open(path) as picture:
        assert picture.mode == mode
        assert picture.size == (8 * (max(32, spec.shape[2]) + 2),) * 2


def test_samples_are_generated_in_chunks_and_always_the_same() -> None:
    task = build(architecture="conv")
    torch.testing.assert_close(task.sample(300, purpose="test")[:10], task.sample(300, purpose="test")[:10])
    assert task.sample(300, purpose="test").shape == (300, 1, 8, 8)


@pytest.mark.parametrize(
    ("spec", "fields", "message"),
    [
        (DataSpec("dense", (4,), "binary", 2), {}, r"(?s)model=gan.*generates images, but this dataset has 4 features"),
        (DataSpec("image", (1, 8, 8), "regression", 1), {}, r"(?s)model=gan.*measured by the classes.*1 number"),
        (
            DataSpec("image", (1, 8, 8), "binary", 2),
            {},
            r"(?s)dataset\.standardise=false.*Use dataset\.standardise=true",
        ),
        (images(8), {"architecture": "conv", "channels": [4] * 4}, r"(?s)model\.channels.*8x8 allow 1 to 3.*got 4"),
        (images(8), {"architecture": "conv", "channels": []}, r"(?s)model\.channels.*1 to 3 entries, got 0"),
    ],
)
def test_what_does_not_fit_is_an_error(spec: DataSpec, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(spec, **fields)
