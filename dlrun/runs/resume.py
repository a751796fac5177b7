"""Whether a run can be gone on with from a checkpoint, and which guarantee is lost when it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import ConfigError, Problem
from dlrun.training.build import Components
from dlrun.wording import show

PLACES = ("root", "path", "mirrors", "workers", "augment")
"""Fields of a dataset that do not decide which rows are in which split, nor how they are scaled."""


def about(config: RunConfig, components: Components, environment: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint says of the run that wrote it, as plain values."""
    return {
        "model": config.tree["model"],
        "optimizer": config.optimizer.name,
        "fingerprint": components.data.fingerprint,
        "environment": dict(environment),
        "dataset": config.dataset.name,
        "rows": _rows(config),
        "order": _order(config),
        "spec": components.data.spec.state(),
        "encoder": None if components.data.encoder is None else components.data.encoder.state(),
    }


def _rows(config: RunConfig) -> dict[str, Any]:
    return {key: value for key, value in config.tree["dataset"].items() if key not in ("name", *PLACES)}


def _order(config: RunConfig) -> dict[str, Any]:
    settings = config.trainer
    return {
        "seed": config.seed,
        "trainer.batch_size": settings.batch_size,
        "trainer.accumulate": settings.accumulate,
        "trainer.shuffle": settings.shuffle,
    }


def check_same(before: Mapping[str, Any], config: RunConfig, components: Components, *, mid_epoch: bool) -> None:
    """Refuse to go on with a state that means nothing for this model, data or, within an epoch, order.

    Raises ConfigError with everything that differs.
    """
    problems = _other_model(before, config)
    if before["fingerprint"] != components.data.fingerprint:
        what = "The data is not what the checkpoint was trained on (its fingerprint differs)."
        problems.append(Problem(f"dataset={config.dataset.name}", what))
    else:
        for key, was, now in _differing(before["rows"], _rows(config)):
            what = f"The checkpoint was trained with {show(was)}; these would be other rows, or scaled otherwise."
            problems.append(Problem(f"dataset.{key}={_plain(now)}", what))
    if mid_epoch:
        for key, was, now in _differing(before["order"], _order(config)):
            what = f"The epoch at hand was begun with {show(was)}; its rows would be trained on twice or never."
            problems.append(Problem(f"{key}={_plain(now)}", what))
    if problems:
        raise ConfigError(problems, title="This run cannot be gone on with")


def _other_model(before: Mapping[str, Any], config: RunConfig) -> list[Problem]:
    problems = []
    if before["model"] != config.tree["model"]:
        differing = [key for key, _, _ in _differing(before["model"], config.tree["model"])]
        where = ", ".join(f"model.{key}" for key in differing) or "model"
        problems.append(Problem(where, "The checkpoint was written by another model; start a new run instead."))
    if before["optimizer"] != config.optimizer.name:
        what = f"The checkpoint holds the state of {before['optimizer']}; start a new run instead."
        problems.append(Problem(f"optimizer={config.optimizer.name}", what))
    return problems


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, before.get(key), value) for key, value in now.items() if before.get(key) != value]


def _plain(value: Any) -> str:
    return show(value).strip('"')


def changed_environment(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A notice of what differs, where equal bytes depend on it."""
    changed = [f"{key} {before.get(key)} → {value}" for key, value in now.items() if before.get(key) != value]
    if not changed:
        return []
    differing = ", ".join(changed)
    return [f"The environment changed ({differing}): the run goes on, but not bit for bit as it would have there."]
