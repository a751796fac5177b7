"""The text of a run, shared by the live console, the plain console and the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlrun.baselines.verdict import compare, compared_split, summary
from dlrun.configuration.place import place_of_process
from dlrun.report.ranks import ranks_line
from dlrun.wording import count, duration, number, numbers, plural

if TYPE_CHECKING:
    from dlrun.runs.run import Session
    from dlrun.tasks.progress import Row


def headline(session: Session) -> list[tuple[str, str]]:
    """Return what will be trained, on which data and where: pairs of a word and its text."""
    config, components, trainer = session.config, session.components, session.trainer
    sizes = " · ".join(f"{count(rows)} {split}" for split, rows in components.data.sizes.items())
    settings, decided = config.trainer, components.auto

    def value(key: str, text: str) -> str:
        return f"auto ({text})" if key in decided else text

    steps = trainer.horizon.steps_per_epoch
    length = (
        f"{value('trainer.epochs', plural(settings.epochs, 'epoch'))} of {plural(steps, 'step')}"
        if settings.epochs
        else ""
    )
    if settings.max_steps:
        length += (", " if length else "") + f"at most {count(settings.max_steps)} steps"
    lines = [
        ("data", f"{components.data.name}: {components.data.spec.describe()} ({sizes})"),
        ("model", f"{config.model.name}, {count(components.num_parameters)} parameters"),
        (
            "train",
            f"{length}, batch {value('trainer.batch_size', str(settings.batch_size))}, {config.optimizer.name} "
            f"lr {value('optimizer.lr', f'{config.optimizer_settings.lr:g}')}, seed {config.seed}",
        ),
        ("device", components.device.describe(is_auto="device.threads" in decided)),
        *_ranks(session),
        ("folder", str(session.run_dir.path)),
    ]
    if session.resumed_from is not None:
        lines.append(("resume", f"from step {count(session.resumed_from)}"))
    return lines


def _ranks(session: Session) -> list[tuple[str, str]]:
    """Return what is said of the processes that train the run, if there are several."""
    device = session.components.device
    if device.group.is_alone:
        return []
    return [("ranks", ranks_line(device, place_of_process(), batch_size=session.config.trainer.batch_size))]


def epoch_line(row: Row, metrics: tuple[str, ...]) -> str:
    """Return one evaluation as a line: losses first, then `metrics`."""
    shown = {name: value for name, value in row.items() if name.startswith("train/") or name == "val/loss"}
    shown.update({f"val/{name}": row[f"val/{name}"] for name in metrics if f"val/{name}" in row})
    return "  ".join(f"{name} {number(value)}" for name, value in shown.items())


def result_table(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of a result: one row per metric, one column per split and then per baseline.

    A baseline's column has its metrics on the split that is compared: test, else val, else train.
    """
    metrics = result["metrics"]
    splits = list(dict.fromkeys(name.split("/", 1)[0] for name in metrics))
    names = dict.fromkeys(name.split("/", 1)[1] for name in metrics)
    baselines = (result.get("baselines") or []) if metrics else []
    rows = []
    for name in names:
        compared = [entry["metrics"].get(f"{compared_split(metrics)}/{name}") for entry in baselines]
        rows.append([name, *numbers([*(metrics.get(f"{split}/{name}") for split in splits), *compared])])
    return ["metric", *splits, *(entry["name"] for entry in baselines)], rows


def verdict_lines(result: Mapping[str, Any]) -> list[str]:
    """Return what the baselines say of a result: one sentence of numbers, then its notices."""
    comparison = compare(result)
    lines = [] if comparison is None else [summary(comparison)]
    return lines + [f"notice: {notice}" for notice in result.get("notices") or []]


def summary_line(result: Mapping[str, Any]) -> str:
    """Return steps, time, speed and the best evaluation as one line."""
    rate = result["samples_per_second"]
    text = f"{plural(result['steps'], 'step')} in {duration(result['seconds']['total'])}"
    if rate:
        text += f" ({duration(result['seconds']['train'])} training, {count(rate)} rows per second)"
    best = result["best"]
    if best is not None:
        text += f"; best {best['metric']} {number(best['value'])} at epoch {best['epoch']}"
    return text
