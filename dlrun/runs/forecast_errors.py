"""The errors of a run's forecasts on its held-out windows, from which prediction intervals are made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.loading.split import Split, in_order
from dlrun.data.spec import TargetScaling
from dlrun.errors import StorageError
from dlrun.optim.device import Device
from dlrun.storage.reading import read_regular
from dlrun.tasks.task import SupervisedTask
from dlrun.training.evaluation import without_gradients

FILE = "forecast.json"
_MOST_RANKS, _MOST_NUMBERS = 1000, 200_000  # of the stored errors of an output, and of all


@dataclass(frozen=True)
class ForecastErrors:
    """Absolute errors, sorted, of each output.

    step: of the checkpoint that made the forecasts. windows: how many there were. ranks: which of the sorted errors are
    stored, from 1 to `windows`, (R,). errors: in the targets' units, (K, R) float64.
    """

    step: int
    windows: int
    ranks: tuple[int, ...]
    errors: Tensor

    def half_widths(self, level: float) -> tuple[Tensor, float]:
        """Return for each output, (K,), the half width of the interval, and the share that it covers.

        Split-conformal (Vovk et al. 2005): the error of rank ceil((windows + 1) * level), so that a window exchangeable
        with the held-out ones is inside with at least probability `level`. With too few windows for it, the largest
        error, and the share windows / (windows + 1).
        """
        rank = math.ceil((self.windows + 1) * level - 1e-9)
        if rank > self.windows:
            return self.errors[:, -1], self.windows / (self.windows + 1)
        stored = next(number for number, each in enumerate(self.ranks) if each >= rank)
        return self.errors[:, stored], level

    def content(self) -> bytes:
        """Return the file's content."""
        values = {"step": self.step, "windows": self.windows, "ranks": self.ranks, "errors": self.errors.tolist()}
        return (json.dumps(values) + "\n").encode()


def measure_errors(
    task: SupervisedTask,
    splits: list[Split],
    *,
    step: int,
    device: Device,
    batch_size: int,
    before_batch: Callable[[], None],
) -> ForecastErrors:
    """Return the errors of a task's forecasts on all windows of the splits, at least one.

    before_batch: called before each batch; it may raise.
    """
    scaling, found = task.spec.target_scaling, []
    task.eval()
    with without_gradients(device), device.autocast():
        for split in splits:
            for batch in in_order(split, batch_size=batch_size):
                before_batch()
                found.append(_errors(task(batch).float(), batch.targets, scaling))
    ordered = torch.cat(found).sort(dim=0).values  # [(B, K)] -> (N, K)
    ranks = _ranks(*ordered.shape)
    return ForecastErrors(step, len(ordered), ranks, ordered[torch.tensor(ranks) - 1].T)


def _errors(outputs: Tensor, targets: Tensor, scaling: TargetScaling) -> Tensor:
    return (scaling.raw(outputs) - scaling.raw(targets)).abs().cpu()


def _ranks(count: int, outputs: int) -> tuple[int, ...]:
    most = max(100, min(_MOST_RANKS, _MOST_NUMBERS // outputs))
    if count <= most:
        return tuple(range(1, count + 1))
    return tuple(-(-count * number // most) for number in range(1, most + 1))


def read_errors(folder: Path) -> ForecastErrors | None:
    """Return the errors that a run stored; None if it has none: it is not finished, held nothing out, or is older.

    Raises StorageError if the file is damaged.
    """
    path = folder / FILE
    try:
        values: dict[str, Any] = json.loads(read_regular(path))
        errors = torch.tensor(values["errors"], dtype=torch.float64)
        found = ForecastErrors(int(values["step"]), int(values["windows"]), tuple(values["ranks"]), errors)
        if errors.ndim != 2 or errors.shape[1] != len(found.ranks) or found.ranks[-1] != found.windows:
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StorageError(f"{path}: damaged. `dlrun resume {folder}` writes it again.") from error
    return found
