"""From labelled files to a Source: surveyed, counted, read into memory or as they are needed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dlrun.data.files.bad_rows import BadRows
from dlrun.data.goals import Goal
from dlrun.data.loading.reader import AS_NEEDED, Reader, fits
from dlrun.data.media.listing import FileList, Listed, class_names
from dlrun.data.media.reader import FileReader, read_files
from dlrun.data.media.survey import Facts, Probe, fingerprint, read_unchanged, survey
from dlrun.data.originals import Original
from dlrun.data.source import Encoder, Originals, Rows, Source
from dlrun.errors import DataError
from dlrun.wording import plural, printable

_SAMPLE_BYTES = 64 << 20  # of training rows that a scaling is fitted on
_IMBALANCED = 3  # rows of the largest class for each row of the smallest

Task = Literal["classification", "regression"]
MakeReader = Callable[[Sequence[Path], Sequence[Facts]], FileReader]


@dataclass(frozen=True)
class Surveyed:
    """The good files of each split, with facts about each."""

    parts: Mapping[str, list[tuple[Listed, Facts]]]

    @property
    def facts(self) -> list[Facts]:
        """Facts about all files."""
        return [facts for part in self.parts.values() for _, facts in part]


def survey_files(files: FileList, probe: Probe, *, kind: str, what: str, bad: BadRows) -> Surveyed:
    """Probe every file.

    Raises DataError for a bad one, or skips it, as `bad` does.
    """
    entries = [(part, entry) for part, listed in files.parts.items() for entry in listed]

    def refuse(number: int, text: str) -> None:
        entry = entries[number][1]
        bad.add(f"{entry.where}{entry.path}: {text}")

    found = survey([entry.path for _, entry in entries], probe, kind=kind, refuse=refuse)
    parts: dict[str, list[tuple[Listed, Facts]]] = {part: [] for part in files.parts}
    for (part, entry), facts in zip(entries, found, strict=True):
        if facts is not None:
            parts[part].append((entry, facts))
    for part, rows in parts.items():
        if not rows:
            raise DataError(f"No {what} of the {part} files can be used; all were skipped.")
    return Surveyed(parts)


def folder_source(
    surveyed: Surveyed,
    make_reader: MakeReader,
    encoder: Encoder,
    *,
    files: FileList,
    bad: BadRows,
    in_memory: bool | str,
    task: Task,
    what: str,
    sound: Callable[[bytes], bytes] | None = None,
) -> Source:
    """Return the source of surveyed files, read by the reader that `make_reader` makes for a split's files.

    task: whether labels are classes, or numbers to predict. what: "images", say.
    sound: returns what is heard of a file's content, as WAV; None: the files are images.
    """
    parts = surveyed.parts
    goal, names, targets = _targets(parts, task=task)
    readers = {
        part: make_reader([entry.path for entry, _ in rows], [facts for _, facts in rows])
        for part, rows in parts.items()
    }
    num_bytes = sum(reader.num_bytes for reader in readers.values())
    inputs: dict[str, Tensor | Reader] = dict(readers)
    if fits(num_bytes, in_memory=in_memory):
        inputs = dict(read_files(readers, what=what))
        where = "in memory"
    else:
        where = AS_NEEDED
    splits = {part: Rows(inputs[part], targets[part]) for part in parts}
    row_bytes = num_bytes // sum(len(reader) for reader in readers.values())
    return Source(
        "image",
        goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        class_names=names,
        encoder=encoder,
        scaling_rows=min(4096, max(64, _SAMPLE_BYTES // row_bytes)),
        fingerprint=fingerprint(
            repr(encoder.state()) + task.removeprefix("classification"),
            [(part, entry.label, facts) for part, rows in parts.items() for entry, facts in rows],
        ),
        notices=[
            f"{sum(len(rows) for rows in parts.values()):,} {what}, {num_bytes / 2**20:,.1f} MiB decoded, {where}.",
            *(_counts([entry.label for entry, _ in parts["train"]]) if names else _range(targets["train"])),
            *_ignored(files.ignored),
            *bad.notices(),
        ],
        skipped=bad.listed,
        originals=_originals(parts, sound),
    )


def _originals(parts: Mapping[str, list[tuple[Listed, Facts]]], sound: Callable[[bytes], bytes] | None) -> Originals:
    """Each row as its file."""

    def original(entry: Listed, facts: Facts) -> Original:
        place = f"{entry.path.parent.name}/{entry.path.name}"
        content = read_unchanged(entry.path, facts.size, facts.mtime_ns)
        if sound is None:
            return Original(place, image=entry.path)
        return Original(place, sound=sound(content))

    return lambda part, rows, numbers: [original(*parts[part][number]) for number in numbers]


def _targets(
    parts: Mapping[str, list[tuple[Listed, Facts]]], *, task: Task
) -> tuple[Goal, Sequence[str], dict[str, Tensor]]:
    """Return the goal, the classes by name, and each split's targets, (N,) int64 or float32.

    Raises DataError for labels that are all equal.
    """
    if task == "regression":
        numbers = {part: torch.tensor([float(entry.label) for entry, _ in rows]) for part, rows in parts.items()}
        if bool((numbers["train"] == numbers["train"][0]).all()):
            raise DataError(f"The target is {numbers['train'][0]:g} in every training row; there is nothing to learn.")
        return "regression", (), numbers
    names = class_names({part: [entry for entry, _ in rows] for part, rows in parts.items()})
    number = {name: index for index, name in enumerate(names)}
    classes = {part: torch.tensor([number[entry.label] for entry, _ in rows]) for part, rows in parts.items()}
    return "multiclass" if len(names) > 2 else "binary", names, classes


def check_numbers(files: FileList, *, target: str, bad: BadRows) -> None:
    """Raise DataError for a label that is no finite number, or skip its row, as `bad` does."""
    for part, listed in files.parts.items():
        kept = []
        for entry in listed:
            try:
                is_number = math.isfinite(float(entry.label))
            except ValueError:
                is_number = False
            if is_number:
                kept.append(entry)
            else:
                what = f'column "{target}": expected a finite number, got "{printable(entry.label)}".'
                bad.add(f"{entry.where}{entry.path}: {what}")
        files.parts[part] = kept


def _range(targets: Tensor) -> list[str]:
    """Describe the numbers to predict."""
    return [
        f"Numbers to predict from {targets.min():g} to {targets.max():g}, mean {targets.mean():g}; "
        "dataset.standardise_target=true scales them to mean 0 and standard deviation 1."
    ]


def _counts(labels: Sequence[str]) -> list[str]:
    """Describe how many rows each class has, largest first, and what to do when they differ much."""
    counts = Counter(labels).most_common()
    shown = ", ".join(f"{name} {count}" for name, count in counts[:10])
    more = f", and {len(counts) - 10} more down to {counts[-1][0]} {counts[-1][1]}" if len(counts) > 10 else ""
    notices = [f"{plural(len(counts), 'class')}: {shown}{more}."]
    if counts[0][1] >= _IMBALANCED * counts[-1][1]:
        notices.append(
            f"The classes are imbalanced, {counts[0][1]} to {counts[-1][1]}: accuracy is misleading; "
            "loss=cross_entropy loss.class_weights=balanced gives rare classes more weight."
        )
    lonely = [name for name, count in counts if count == 1]
    if lonely:
        notices.append(f"Classes with a single row have no held-out row: {', '.join(lonely[:10])}.")
    return notices


def _ignored(files: Sequence[str]) -> list[str]:
    if not files:
        return []
    return [f"Ignored {plural(len(files), 'file')} with other endings, for example {files[0]}."]
