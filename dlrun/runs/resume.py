"""Whether a checkpoint can be resumed with a configuration, and what may differ when it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.groups import ADDED_FIELDS
from dlrun.errors import ConfigError, Problem
from dlrun.storage.checkpoints import CheckpointStore, Snapshot
from dlrun.storage.reading import restoring
from dlrun.training.build import Components
from dlrun.wording import show

IGNORED_DATASET_FIELDS = ("root", "path", "mirrors", "workers", "augment", "baselines")
"""Fields of a dataset that change neither which rows are in which split nor how they are scaled."""

_FOLDS = ("folds", "fold")  # which are in no fingerprint: a checkpoint without them was not cross-validated


def metadata(config: RunConfig, components: Components, environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint says about the run that wrote it, as plain values (`about` in its `state.json`)."""
    return {
        "model": config.tree["model"],
        "optimizer": config.optimizer.name,
        "fingerprint": components.data.fingerprint,
        "environment": dict(environment),
        "dataset": config.dataset.name,
        "rows": _row_settings(config),
        "order": _order_settings(config),
        "spec": components.data.spec.state(),
        "encoder": None if components.data.encoder is None else components.data.encoder.state(),
    }


def _row_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that decide which rows are in which split, and how they are scaled."""
    ignored = ("name", *IGNORED_DATASET_FIELDS)
    return {key: value for key, value in config.tree["dataset"].items() if key not in ignored}


def _order_settings(config: RunConfig) -> dict[str, Any]:
    """Return the settings that decide the order of the rows within an epoch."""
    settings = config.trainer
    return {
        "seed": config.seed,
        "trainer.batch_size": settings.batch_size,
        "trainer.accumulate": settings.accumulate,
        "trainer.shuffle": settings.shuffle,
    }


def check_resumable(before: Mapping[str, Any], config: RunConfig, components: Components, *, mid_epoch: bool) -> None:
    """Raise ConfigError, listing every difference, if a checkpoint does not fit this model, optimizer or data.

    before: the checkpoint's metadata. mid_epoch: whether it was written within an epoch; then the order of the rows
    must be the same too.
    """
    problems = _model_problems(before, config)
    if before["fingerprint"] != components.data.fingerprint:
        what = "The data is not what the checkpoint was trained on (its fingerprint differs)."
        problems.append(Problem(f"dataset={config.dataset.name}", what))
    else:
        for key, was, now in _differences(before["rows"], _row_settings(config)):
            if key not in before["rows"] and key not in _FOLDS:
                continue  # a field that there was not yet: the fingerprint tells whether rows differ
            what = f"The checkpoint was trained with {show(was)}; changing this would change the rows or their scaling."
            problems.append(Problem(f"dataset.{key}={_unquoted(now)}", what))
    if mid_epoch:
        for key, was, now in _differences(before["order"], _order_settings(config)):
            what = f"The checkpoint is mid-epoch, with {show(was)}: changing this would repeat or skip rows."
            problems.append(Problem(f"{key}={_unquoted(now)}", what))
    if problems:
        raise ConfigError(problems, title="Cannot resume this run")


def find_checkpoint(
    store: CheckpointStore, config: RunConfig, components: Components, environment: Mapping[str, Any]
) -> tuple[Snapshot | None, list[str]]:
    """Return the newest whole checkpoint, if any, and notices; set damaged newer ones aside.

    Raises ConfigError, before anything is renamed, if the checkpoint does not fit the configuration.
    """
    notices = store.recover()
    snapshot, damaged = store.load_newest()
    notices += damaged
    if snapshot is not None:
        with restoring(store.folder):
            before = snapshot.values["about"]
            mid_epoch = bool(snapshot.values["progress"]["batch"])
            check_resumable(before, config, components, mid_epoch=mid_epoch)
            notices += environment_notices(before["environment"], environment)
    aside = store.set_aside_newer(-1 if snapshot is None else snapshot.step)
    notices += [f"{path} is damaged; it is not deleted, so that you can inspect it." for path in aside]
    return snapshot, notices


def _model_problems(before: Mapping[str, Any], config: RunConfig) -> list[Problem]:
    problems = []
    model = {**ADDED_FIELDS.get(("model", before["model"].get("name")), {}), **before["model"]}
    if model != config.tree["model"]:
        differing = [key for key, _, _ in _differences(model, config.tree["model"])]
        where = ", ".join(f"model.{key}" for key in differing) or "model"
        problems.append(Problem(where, "The checkpoint was written by another model; start a new run instead."))
    if before["optimizer"] != config.optimizer.name:
        what = f"The checkpoint contains the state of {before['optimizer']}; start a new run instead."
        problems.append(Problem(f"optimizer={config.optimizer.name}", what))
    return problems


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, before.get(key), value) for key, value in now.items() if before.get(key) != value]


def _unquoted(value: Any) -> str:
    return show(value).strip('"')


def environment_notices(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a notice that lists every change of the environment, or no notice."""
    changed = [f"{key} {before.get(key)} → {value}" for key, value in now.items() if before.get(key) != value]
    if not changed:
        return []
    what = "the run resumes, but bitwise identical results are not guaranteed"
    return [f"The environment changed ({', '.join(changed)}): {what}."]
