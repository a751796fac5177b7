"""What a run was made of, and how to repeat it: configuration, data, environment, commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.report.pages.parts import Cell, bullets, code, count_cell, facts, paragraph, section, table
from dlrun.report.pages.text import escape
from dlrun.runs.analysis.reports import Examined
from dlrun.runs.sweeps.saved.shared import Shared
from dlrun.storage.reading import read_regular
from dlrun.wording import plural, show

_MOST_CONFIG_BYTES = 64 << 10
_MOST_CLASSES, _MOST_SKIPPED = 100, 20
_OF_DATA = ("dataset", "rows", "fingerprint of the data")


def configuration_section(folder: Path, shared: Shared) -> str:
    """Return what differs from the defaults, and all of `config.yaml` to unfold."""
    parts = (
        [facts(shared.configuration)] if shared.configuration else [paragraph("Everything is the default.", muted=True)]
    )
    whole = _whole(folder)
    if whole:
        parts.append(f"<details><summary>Every setting (config.yaml)</summary>{code(whole)}</details>")
    return section("Configuration that differs from the defaults", *parts)


def _whole(folder: Path) -> str:
    path = folder / "config.yaml"
    try:
        return "" if path.is_symlink() else read_regular(path, most=_MOST_CONFIG_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def data_section(shared: Shared, result: Mapping[str, Any], examined: Examined) -> str:
    """Return the data: what it is, sizes, fingerprint, columns and classes, and what was skipped."""
    known = {"what it is": examined.describes} if examined.describes else {}
    known |= {name: shared.facts[name] for name in _OF_DATA if name in shared.facts}
    parts = [facts(known)] if known else []
    if examined.columns:
        rows = [(None, [Cell(name), Cell(kind)]) for name, kind in examined.columns.items()]
        parts += [paragraph("Columns that the model sees:", muted=True), table(["column", "kind"], rows)]
    if examined.class_counts:
        total = sum(examined.class_counts.values()) or 1
        counts = list(examined.class_counts.items())
        shown = [
            (None, [Cell(name), count_cell(count), Cell(f"{count / total:.1%}", count / total)])
            for name, count in counts[:_MOST_CLASSES]
        ]
        more = len(counts) - len(shown)
        parts += [paragraph("Training rows of each class:", muted=True), table(["class", "rows", "share"], shown)]
        parts += [paragraph(f"{plural(more, 'more class')}.", muted=True)] if more > 0 else []
    skipped = _skipped(result) if examined.with_rows else []  # reasons quote cells
    if skipped:
        parts += [paragraph("Rows that were skipped:", muted=True), bullets(skipped)]
    return section("Data", *parts) if parts else ""


def _skipped(result: Mapping[str, Any]) -> list[str]:
    dataset = result.get("dataset")
    skipped = dataset.get("skipped") if isinstance(dataset, dict) else None
    if isinstance(skipped, dict):
        skipped = [f"{name}: {show(value)}" for name, value in skipped.items()]
    return [str(each)[:400] for each in skipped[:_MOST_SKIPPED]] if isinstance(skipped, list) else []


def environment_section(shared: Shared) -> str:
    """Return versions, device and threads."""
    rest = {name: value for name, value in shared.facts.items() if name not in _OF_DATA}
    return section("Environment", facts(rest)) if rest else ""


def repeat_section(folder: Path, plugins: Sequence[Path], *, examined: Examined) -> str:
    """Return the commands that train the run again, and, if it has a checkpoint, measure or use what it found.

    examined: what the model is; a generator predicts nothing, a language model goes on with a prompt.
    """
    more = "".join(f" --plugin {shlex.quote(str(path))}" for path in plugins)
    where = shlex.quote(folder.name)
    parts = [
        paragraph("In the folder that has the run's folder, this trains it again:", muted=True),
        code(f"dlrun recipe=./{where}/config.yaml{more}"),
    ]
    if not (folder / "checkpoints" / "last").exists():
        return section("How to repeat it", *parts)
    given = ' --prompt "TEXT"' if examined.tokens is not None else " INPUT"
    predict, verb = f"dlrun predict {where}{given}{more}\n", "predicts, "
    if examined.is_generator:
        predict, verb = "", ""
    parts += [
        paragraph(f"This measures its best checkpoint, {verb}and makes it a recipe with what it measured:", muted=True),
        code(f"dlrun eval {where}{more}\n{predict}dlrun share {where}{more}"),
    ]
    return section("How to repeat it", *parts)


def missing_section(missing: Sequence[str]) -> str:
    """Return what the page does not show; empty if it shows everything."""
    items = "".join(f"<li>{escape(text)}</li>" for text in missing)
    return section("What this page does not show", f'<ul class="muted">{items}</ul>') if missing else ""
