"""What a model card says of a run, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.runs.analysis.examine import described
from dlrun.runs.loaded_run import LoadedRun
from dlrun.runs.publish.kinds import Kind, Use, classes_of, columns_of, kind_of, task_of, use_of


@dataclass(frozen=True)
class Facts:
    """A published run.

    repository: OWNER/NAME if it goes to a hub. task: its name, and whether the hub has it as a `pipeline_tag`.
    data: the name of its dataset. where: where to get the data, in words. describes: the data, in words.
    columns: of an input file, with kinds. classes: by target. result: the public part of `result.json`.
    files: their names. to_set: what who repeats the training sets, such as `dataset.path=FILE`.
    num_words: how many words, categories, identifiers and names of columns of the data `model.json` has.
    """

    name: str
    repository: str | None
    kind: Kind
    task: tuple[str, bool]
    use: Use
    model: str
    dataset: str
    data: str
    where: str
    describes: str
    columns: Sequence[tuple[str, str]]
    classes: Sequence[tuple[str, Sequence[str]]]
    result: Mapping[str, Any]
    files: Sequence[str]
    plugins: Mapping[str, str]
    packages: Sequence[str]
    to_set: str
    num_words: int


def of_model(run: LoadedRun) -> dict[str, Any]:
    """Return the facts that a loaded run has of itself."""
    kind, about = kind_of(run)
    text = described(run)
    return {
        "kind": kind,
        "task": task_of(kind, run.spec),
        "use": use_of(kind, run.spec),
        "describes": text.partition(", ")[0] if kind == "samples" else text,  # it has no classes
        "columns": columns_of(kind, about),
        "classes": [] if kind == "samples" else classes_of(run.spec),
    }


def count_words(state: Any) -> int:
    """Return how many texts the lists and keys of an encoder's state have: words, categories, identifiers."""
    if isinstance(state, Mapping):
        long = len(state) if len(state) > 30 else 0  # a vocabulary by word, not a record with named fields
        return long + sum(map(count_words, state.values()))
    if isinstance(state, list | tuple):
        return sum(1 if isinstance(each, str) else count_words(each) for each in state)
    return 0
