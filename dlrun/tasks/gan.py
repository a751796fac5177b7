"""A generative adversarial network: a task with two groups of parameters, generator and discriminator."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.loading.moving import moved
from dlrun.data.loading.randomness import derive_seed
from dlrun.data.loading.randomness import generator as random_generator
from dlrun.data.spec import Batch, Scaling
from dlrun.tasks.metric_names import Direction
from dlrun.tasks.modes import evaluating
from dlrun.tasks.sample_quality import MAX_REAL, SampleScorer
from dlrun.tasks.task import Evaluation, Task, Update

if TYPE_CHECKING:
    from dlrun.data.prepare import DataBundle

_MAX_SAMPLES = 2000  # generated for an evaluation
_GRID = 8  # `write_samples` writes 8 x 8 images
_MIN_PIXELS = 32  # the least side of each image there; smaller ones are enlarged


class GanTask(Task):
    """A generative adversarial network (Goodfellow et al. 2014).

    generator: (B, Z) noise -> (B, C, H, W) in [-1, 1]; discriminator: (B, C, H, W) -> (B, 1) logits, high for real.
    """

    metrics: Mapping[str, Direction] = {
        "frechet_distance": "min",
        "confidence": "max",
        "classes": "max",
        "real_confidence": "max",
        "generator_loss": "min",
        "discriminator_loss": "min",
    }
    progress_metrics = ("frechet_distance", "classes")

    _factor: Tensor
    _offset: Tensor

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        scaling: Scaling,
        latent_dim: int,
        objective: str,
        optimizer_overrides: Mapping[str, Mapping[str, object]],
    ) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self._discriminator_loss, self._generator_loss = OBJECTIVES[objective]
        self._overrides = optimizer_overrides
        half = ((scaling.high - scaling.low) or 1.0) / 2  # half of the range that is mapped to [-1, 1]
        factor = torch.tensor([std / half for std in scaling.std])
        offset = torch.tensor([(mean - scaling.low) / half - 1 for mean in scaling.mean])
        self.register_buffer("_factor", factor.reshape(-1, 1, 1), persistent=False)  # (C,) -> (C, 1, 1)
        self.register_buffer("_offset", offset.reshape(-1, 1, 1), persistent=False)  # (C,) -> (C, 1, 1)
        self.scorer: SampleScorer | None = None  # not a module, so that its weights are not part of the model's state
        self._num_samples = _MAX_SAMPLES

    def param_groups(self) -> Mapping[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def optimizer_overrides(self) -> Mapping[str, Mapping[str, object]]:
        return self._overrides

    def prepare(self, data: DataBundle) -> None:
        self._num_samples = min(_MAX_SAMPLES, max(500, len(data.train)))
        self.scorer = SampleScorer(data, self.to_unit)

    def to_unit(self, images: Tensor) -> Tensor:
        """Map the dataset's scaled images to [-1, 1], (B, C, H, W)."""
        return images * self._factor + self._offset

    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        noise = torch.randn(len(batch.inputs), self.latent_dim, device=batch.inputs.device)  # -> (B, Z)
        fake = self.generator(noise)  # (B, Z) -> (B, C, H, W)
        discriminator_loss = self._discriminator_loss(*self._logits(self.to_unit(batch.inputs), fake.detach()))
        update("discriminator", discriminator_loss)
        generator_loss = self._generator_loss(self.discriminator(fake))  # (B, C, H, W) -> (B, 1) -> ()
        update("generator", generator_loss)
        return {"discriminator_loss": discriminator_loss.detach(), "generator_loss": generator_loss.detach()}

    def _logits(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the discriminator's logits of real and generated images, 2 x (B, C, H, W) -> 2 x (B, 1)."""
        logits = self.discriminator(torch.cat([real, fake]))  # 2 x (B, C, H, W) -> (2 B, 1)
        return logits[: len(real)], logits[len(real) :]  # (2 B, 1) -> 2 x (B, 1)

    def evaluation(self) -> Evaluation:
        return _GanEvaluation(self)

    @torch.no_grad()
    def sample(self, count: int, *, purpose: str) -> Tensor:
        """Generate images from noise that depends only on `purpose`, (count, C, H, W) in [-1, 1]."""
        noise = torch.randn(count, self.latent_dim, generator=random_generator(0, purpose))  # -> (count, Z)
        with evaluating(self.generator):
            chunks = [self.generator(part) for part in noise.to(self._factor.device).split(250)]  # type: ignore[no-untyped-call]
        return torch.cat(chunks).float()  # n x (250, C, H, W) -> (count, C, H, W)

    def quality(self, real: Tensor) -> dict[str, float]:
        """Score generated samples against real images, (N, C, H, W) in [-1, 1]; empty before `prepare`."""
        if self.scorer is None:
            return {}
        scores = self.scorer.measure(self.sample(self._num_samples, purpose="evaluation"), real=real)
        return {**scores, "real_confidence": self.scorer.reference["confidence"]}

    def losses(self, batch: Batch, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the losses of discriminator and generator on a batch and on noise, (B, Z) -> (), ()."""
        real, fake = self._logits(self.to_unit(batch.inputs), self.generator(noise))
        return self._discriminator_loss(real, fake), self._generator_loss(fake)

    def draw_noise(self, count: int, source: torch.Generator) -> Tensor:
        """Draw noise with a generator on the CPU, so that it is the same for every device, (count, Z)."""
        return moved(torch.randn(count, self.latent_dim, generator=source), self._factor.device)

    def write_samples(self, path: Path) -> bool:
        """Write a PNG of 8 x 8 samples from fixed noise; the file at `path` is replaced atomically."""
        images = self.sample(_GRID * _GRID, purpose="picture")
        _write_png(_grid(images), path)
        return True


class _GanEvaluation:
    def __init__(self, task: GanTask) -> None:
        self._task = task
        self._noise = torch.Generator().manual_seed(derive_seed(0, "losses"))
        self._rows = 0
        self._real: list[Tensor] = []
        self._discriminator_loss: Tensor | float = 0.0  # on the device, so that no batch waits for it
        self._generator_loss: Tensor | float = 0.0

    def add(self, batch: Batch) -> None:
        count = len(batch.inputs)
        noise = self._task.draw_noise(count, self._noise)
        discriminator_loss, generator_loss = self._task.losses(batch, noise)
        if self._rows < MAX_REAL:
            self._real.append(self._task.to_unit(batch.inputs))
        self._rows += count
        self._discriminator_loss += discriminator_loss.detach().double() * count
        self._generator_loss += generator_loss.detach().double() * count

    def result(self) -> dict[str, float]:
        return {
            **self._task.quality(torch.cat(self._real)[:MAX_REAL]),
            "generator_loss": float(self._generator_loss) / self._rows,
            "discriminator_loss": float(self._discriminator_loss) / self._rows,
        }


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))), Goodfellow et al. 2014: 2 x (B, 1) -> ()."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def _saturating(fake: Tensor) -> Tensor:
    """log(1 - D(G(z))), the minimax game itself: (B, 1) -> ()."""
    return -F.softplus(fake).mean()


def _non_saturating(fake: Tensor) -> Tensor:
    """-log D(G(z)), whose gradient does not vanish while the discriminator is right: (B, 1) -> ()."""
    return F.softplus(-fake).mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(x)) + max(0, 1 + D(G(z))), Lim and Ye 2017: 2 x (B, 1) -> ()."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def _critic(fake: Tensor) -> Tensor:
    """-D(G(z)): (B, 1) -> ()."""
    return -fake.mean()


OBJECTIVES: Mapping[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "saturating": (_cross_entropy, _saturating),
    "non_saturating": (_cross_entropy, _non_saturating),
    "hinge": (_hinge, _critic),
}
"""The losses of discriminator and generator, by name."""


def _grid(images: Tensor) -> Tensor:
    """Arrange images in a grid with lines between them, (N, C, H, W) in [-1, 1] -> (H', W', C) bytes; C is 1 or 3."""
    count, channels, height, width = images.shape
    images = images if channels in (1, 3) else images[:, :1]  # (N, C, H, W) -> (N, 1, H, W)
    images = ((images.cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    scale = max(1, math.ceil(_MIN_PIXELS / min(height, width)))
    images = images.repeat_interleave(scale, 2).repeat_interleave(scale, 3)  # (N, C, H, W) -> (N, C, H s, W s)
    images = F.pad(images, (0, 2, 0, 2), value=127)  # -> (N, C, H s + 2, W s + 2)
    rows = images.reshape(count // _GRID, _GRID, *images.shape[1:])  # -> (R, 8, C, H', W')
    grid: Tensor = rows.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)  # -> (R, H', 8, W', C) -> (R H', 8 W', C)
    return grid


def _write_png(grid: Tensor, path: Path) -> None:
    from PIL import Image  # slow to import, and only runs of generative models need it

    pixels = grid.squeeze(2).numpy()  # (H, W, 1) -> (H, W)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        Image.fromarray(pixels).save(temporary, format="PNG")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
