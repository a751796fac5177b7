"""The content of `result.json`: how a run ended, its metrics and its cost."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from dlrun.baselines.verdict import compare, notices
from dlrun.configuration.run_config import RunConfig
from dlrun.data.goals import has_numbers
from dlrun.data.prepare import DataBundle
from dlrun.tasks.metric_names import Direction
from dlrun.tasks.per_class import ByClass
from dlrun.tasks.progress import Best, Progress
from dlrun.training.build import Components


def make_result(
    status: str,
    *,
    config: RunConfig,
    components: Components,
    progress: Progress,
    metrics: Mapping[str, float],
    per_class: Mapping[str, ByClass],
    baselines: Sequence[Mapping[str, Any]],
    environment: Mapping[str, Any],
    seconds: float,
    error: str | None = None,
) -> dict[str, Any]:
    """Return the result as plain values; `seconds` is the time of the whole run, without the pauses between resumes."""
    result: dict[str, Any] = {
        "status": status,
        "error": error,
        "metrics": dict(metrics),
        "per_class": dict(per_class),
        "baselines": list(baselines),
        "notices": [],
        "best": describe_best(progress.best, components.task.metrics),
        "metric_directions": dict(components.task.metrics),
        "epochs": progress.epoch,
        "steps": progress.step,
        "samples": progress.samples,
        "seconds": {
            "total": round(seconds, 3),
            "train": round(progress.train_seconds, 3),
            "eval": round(progress.eval_seconds, 3),
        },
        "samples_per_second": round(progress.samples / progress.train_seconds, 1) if progress.train_seconds else None,
        "peak_memory_mib": peak_memory_mib(components.device.torch),
        "parameters": components.num_parameters,
        "seed": config.seed,
        "config_sha256": config.sha256,
        "requested_sha256": components.requested.sha256,
        "auto": dict(components.auto),
        "dataset": {
            "name": components.data.name,
            "fingerprint": components.data.fingerprint,
            "sizes": dict(components.data.sizes),
            "skipped": skipped if isinstance(skipped := components.data.skipped, Mapping) else list(skipped),
        },
        "environment": dict(environment),
    }
    result["notices"] = _notices(result, progress, components.data)
    return result


def _notices(result: Mapping[str, Any], progress: Progress, data: DataBundle) -> list[str]:
    """What the user should know of a result that is worse than its baselines."""
    comparison = compare(result)
    if comparison is None:
        return []
    return notices(
        comparison,
        steps=progress.step,
        num_train=len(data.train),
        target=_unscaled_target(data),
        best_is_last=progress.best is not None and progress.best.step == progress.step,
    )


def _unscaled_target(data: DataBundle) -> tuple[float, float] | None:
    """Mean and deviation of the first target of a regression whose targets are not standardised."""
    if not has_numbers(data.spec.goal) or (data.spec.target_mean, data.spec.target_std) != (0.0, 1.0):
        return None
    first = data.train.targets[:, 0].double()  # (N, K) -> (N,)
    return first.mean().item(), first.std(correction=0).item()


def describe_best(best: Best | None, directions: Mapping[str, Direction]) -> dict[str, Any] | None:
    """Return the best evaluation as `result.json` has it; None without one."""
    if best is None:
        return None
    found = {"metric": f"val/{best.metric}", "value": best.value, "epoch": best.epoch, "step": best.step}
    if best.metric in directions:  # a plugin may have renamed it since
        found["higher_is_better"] = directions[best.metric] == "max"
    return found


def peak_memory_mib(where: torch.device) -> float:
    """Return the peak memory of this process in MiB: GPU memory if it trains on a GPU, else main memory."""
    if where.type == "cuda":
        return round(torch.cuda.max_memory_allocated(where) / 2**20, 1)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
