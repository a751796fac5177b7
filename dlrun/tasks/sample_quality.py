"""The quality of generated images, measured with a small classifier that is trained on the real ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.loading.randomness import derive_seed
from dlrun.data.loading.split import Loader, Split
from dlrun.data.prepare import DataBundle
from dlrun.tasks.draws import own_draws

NUM_FEATURES = 32  # of the classifier's last hidden layer: few enough to fit a Gaussian to some hundred samples
MAX_REAL = 2000  # real images that samples are compared with
_BATCH_SIZE = 128
_MAX_STEPS = 500  # enough for an accuracy of 0.98 on MNIST within seconds
_MAX_EPOCHS = 60
_LEARNING_RATE = 3e-3
_SEED = 0


class SampleScorer:
    """Scores generated samples with a classifier that is trained on the training split only.

    The constructor trains the classifier from a fixed seed and restores torch's random state. `to_unit` maps the
    dataset's images to [-1, 1], the range of samples. `reference` contains the scores of real held-out images (of the
    validation split, else the test split, else the training split); its `frechet_distance` is that of training images,
    which is what a perfect generator scores.
    """

    def __init__(self, data: DataBundle, to_unit: Callable[[Tensor], Tensor]) -> None:
        self._to_unit = to_unit
        counts = torch.tensor(data.spec.class_counts, dtype=torch.float64)
        self._shares = counts / counts.sum()
        self._classifier = _train(data, to_unit)
        held_out = data.val or data.test or data.train
        real = self._real(held_out)
        features, logits = self._outputs(real)
        self._real_features = features
        labels = held_out.targets[: len(real)]
        self.accuracy = (logits.argmax(dim=1) == labels).double().mean().item()  # (N, K) -> (N,)
        train_features, _ = self._outputs(self._real(data.train))
        self.reference = {
            "frechet_distance": frechet_distance(train_features, features),
            **self._class_scores(logits),
        }

    def measure(self, samples: Tensor, *, real: Tensor | None = None) -> dict[str, float]:
        """Score samples, (N, C, H, W) in [-1, 1], against `real` images; None compares with those of `reference`.

        frechet_distance: between Gaussians fitted to the features of samples and of real held-out images (Heusel et
        al. 2017), with this classifier's features: comparable on the same dataset only. Lower is better.
        confidence: mean of the classifier's highest probability. classes: number of classes that are predicted for at
        least a quarter of their share of the training images.
        """
        features, logits = self._outputs(samples)
        against = self._real_features if real is None else self._outputs(real)[0]
        return {"frechet_distance": frechet_distance(features, against), **self._class_scores(logits)}

    def _real(self, split: Split) -> Tensor:
        """Return the first images of a split, in [-1, 1], (N, C, H, W)."""
        return self._to_unit(split.fetch(slice(0, MAX_REAL)).inputs)

    @torch.no_grad()
    def _outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and logits, (N, C, H, W) -> (N, NUM_FEATURES), (N, K)."""
        features, logits = [], []
        with torch.autocast(images.device.type, enabled=False):
            for chunk in images.float().split(250):  # type: ignore[no-untyped-call]
                features.append(self._classifier.features(chunk))  # (n, C, H, W) -> (n, NUM_FEATURES)
                logits.append(self._classifier.output(features[-1]))  # (n, NUM_FEATURES) -> (n, K)
        return torch.cat(features), torch.cat(logits)

    def _class_scores(self, logits: Tensor) -> dict[str, float]:
        confidence = logits.double().softmax(dim=1).amax(dim=1).mean().item()  # (N, K) -> (N,) -> ()
        found = torch.bincount(logits.argmax(dim=1), minlength=len(self._shares)).double().cpu()  # (N, K) -> (K,)
        enough = (found > 0) & (found >= self._shares * len(logits) / 4)
        return {"confidence": confidence, "classes": float(enough.sum())}


class _Classifier(nn.Module):
    """Convolutions and pooling down to at most 4 x 4 pixels, then a few features."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        layers: list[nn.Module] = []
        for number, after in enumerate((16, 32, 64, 64)):
            if number >= 2 and max(height, width) <= 8:
                break
            stride = 2 if max(height, width) > 32 else 1  # large images are halved twice as fast
            layers += [nn.Conv2d(channels, after, 3, stride=stride, padding=1), nn.ReLU()]
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            height, width = (math.ceil(math.ceil(side / stride) / 2) for side in (height, width))
            channels = after
        layers += [nn.Flatten(), nn.Dropout(0.25), nn.Linear(channels * height * width, NUM_FEATURES), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.output = nn.Linear(NUM_FEATURES, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, NUM_FEATURES) -> (B, K)."""
        logits: Tensor = self.output(self.features(images))
        return logits


def _train(data: DataBundle, to_unit: Callable[[Tensor], Tensor]) -> _Classifier:
    """Train with Adam and a cosine schedule, for a bounded number of steps."""
    device = data.train.targets.device
    loader = Loader(data.train, batch_size=_BATCH_SIZE, seed=derive_seed(_SEED, "judge"), shuffle=True)
    num_steps = min(_MAX_STEPS, _MAX_EPOCHS * len(loader))
    with own_draws(), torch.autocast(device.type, enabled=False), torch.enable_grad():
        torch.manual_seed(derive_seed(_SEED, "judge"))  # also of the device, where dropout draws
        classifier = _Classifier(data.spec.shape, data.spec.num_outputs).to(device)
        optimizer = torch.optim.Adam(classifier.parameters(), lr=_LEARNING_RATE, fused=True)
        for step, (images, targets) in enumerate(_batches(loader, num_steps)):
            optimizer.param_groups[0]["lr"] = _LEARNING_RATE * (1 + math.cos(math.pi * step / num_steps)) / 2
            F.cross_entropy(classifier(to_unit(images)), targets).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return classifier.requires_grad_(requires_grad=False).eval()  # dropout is active only while it trains


def _batches(loader: Loader, num_steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images and classes of `num_steps` batches, epoch after epoch."""
    for step in range(0, num_steps, len(loader)):
        batches = loader.epoch(step // len(loader))
        for _, batch in zip(range(min(len(loader), num_steps - step)), batches, strict=False):
            yield batch.inputs, batch.targets


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared distance |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two Gaussians fitted to rows.

    Fréchet 1957. first: (N, F); second: (M, F); at least two rows each.
    """
    mean_1, covariance_1 = _moments(first)
    mean_2, covariance_2 = _moments(second)
    # (C1 C2)^½ has the same trace as (R C2 R)^½ with R = C1^½, which is symmetric and so has real eigenvalues
    root = _square_root(covariance_1)
    eigenvalues = torch.linalg.eigvalsh(root @ covariance_2 @ root)  # (F, F) -> (F,)
    crossed = eigenvalues.clamp(min=0).sqrt().sum()
    distance = (mean_1 - mean_2).square().sum() + covariance_1.trace() + covariance_2.trace() - 2 * crossed
    return max(0.0, float(distance))


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance, (N, F) -> (F,), (F, F), in float64 on the CPU, since MPS has no float64."""
    rows = rows.cpu().double()
    return rows.mean(dim=0), torch.cov(rows.T).reshape(rows.shape[1], -1)  # cov of one feature is a scalar


def _square_root(matrix: Tensor) -> Tensor:
    """Return the square root of a symmetric, positive semidefinite matrix, (F, F) -> (F, F)."""
    eigenvalues, vectors = torch.linalg.eigh(matrix)  # (F, F) -> (F,), (F, F)
    root: Tensor = (vectors * eigenvalues.clamp(min=0).sqrt()) @ vectors.T
    return root
