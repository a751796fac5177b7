"""Numbers and lines as people read them; what the live console, the plain one and the log have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlrun.events import Row
    from dlrun.run import Session


def number(value: float | None) -> str:
    """A metric: 0.9833, 12.41, 1.2e-05."""
    if value is None:
        return "-"
    if value != value:
        return "nan"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 else f"{value:.4g}"


def count(value: float) -> str:
    """A whole number with thousands apart: 60,000."""
    return f"{value:,.0f}"


def plural(value: float, noun: str) -> str:
    """A number with its noun: 1 epoch, 2 epochs."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time: 0.8 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def headline(session: Session) -> list[tuple[str, str]]:
    """What will run, on what, how large: pairs of a word and what it is."""
    config, parts, trainer = session.config, session.parts, session.trainer
    sizes = " · ".join(f"{count(rows)} {split}" for split, rows in parts.data.sizes.items())
    settings = config.trainer
    steps = trainer.horizon.steps_per_epoch
    length = f"{plural(settings.epochs, 'epoch')} of {plural(steps, 'step')}" if settings.epochs else ""
    if settings.max_steps:
        length += (", " if length else "") + f"at most {count(settings.max_steps)} steps"
    lines = [
        ("data", f"{parts.data.name}: {parts.data.spec.describe()} ({sizes})"),
        ("model", f"{config.model.name}, {count(parts.num_parameters)} parameters"),
        (
            "train",
            f"{length}, batch {settings.batch_size}, {config.optimizer.name} lr {config.optimizing.lr:g}, "
            f"seed {config.seed}",
        ),
        ("device", parts.device.describe()),
        ("folder", str(session.run_dir.path)),
    ]
    if session.resumed_from is not None:
        lines.append(("resume", f"going on from step {count(session.resumed_from)}"))
    return lines


def epoch_line(row: Row, metrics: tuple[str, ...]) -> str:
    """One evaluation in one line: losses first, then the metrics that matter."""
    shown = {name: value for name, value in row.items() if name.startswith("train/") or name == "val/loss"}
    shown.update({f"val/{name}": row[f"val/{name}"] for name in metrics if f"val/{name}" in row})
    return "  ".join(f"{name} {number(value)}" for name, value in shown.items())


def result_table(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: a metric a row, a split a column."""
    metrics = result["metrics"]
    splits = list(dict.fromkeys(name.split("/", 1)[0] for name in metrics))
    names = dict.fromkeys(name.split("/", 1)[1] for name in metrics)
    return ["metric", *splits], [
        [name, *(number(metrics.get(f"{split}/{name}")) for split in splits)] for name in names
    ]


def summary_line(result: Mapping[str, Any]) -> str:
    """How a run went, in one line."""
    rate = result["samples_per_second"]
    text = f"{count(result['steps'])} steps in {duration(result['seconds']['total'])}"
    if rate:
        text += f" ({duration(result['seconds']['train'])} training, {count(rate)} rows a second)"
    best = result["best"]
    if best is not None:
        text += f"; best {best['metric']} {number(best['value'])} at epoch {best['epoch']}"
    return text
