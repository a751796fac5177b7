"""What differs by the kind of a model in its card: the hub's name of its task, and how it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dlrun.data.goals import has_classes, has_tokens, mixes_kinds
from dlrun.data.spec import DataSpec
from dlrun.data.tables.interactions import InteractionsEncoder
from dlrun.runs.export.preprocessing import preprocessing_of
from dlrun.runs.loaded_run import LoadedRun
from dlrun.wording import plural

Kind = Literal[
    "table", "numbers", "text", "language", "series", "images", "audio", "arrays", "ratings", "samples"
]  # fmt: skip

_NOUNS: Mapping[Kind, str] = {
    "table": "tabular", "numbers": "tabular", "text": "text", "images": "image", "audio": "audio",
}  # fmt: skip
HUB_DATASETS: Mapping[str, str] = {
    "mnist": "ylecun/mnist",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "iris": "scikit-learn/iris",
}
"""The datasets of dlrun that the hub has too. Any other name could be somebody else's data there."""


@dataclass(frozen=True)
class Use:
    """How a model is used. what: INPUT in words. lines: commands, with NAME for the model's folder."""

    what: str
    lines: Sequence[str]
    extra: str | None = None  # of dlrun, that reading the input needs


def kind_of(run: LoadedRun) -> tuple[Kind, Mapping[str, Any]]:
    """Return the kind of a run's data, and what is said of its preprocessing in an exported file."""
    about = preprocessing_of(run)
    if isinstance(run.encoder, InteractionsEncoder):
        return "ratings", about
    return ("samples" if about["kind"] == "noise" else about["kind"]), about


def task_of(kind: Kind, spec: DataSpec) -> tuple[str, bool]:
    """Return the name of a model's task, and whether the hub has it as a `pipeline_tag`."""
    if kind == "samples":
        return ("unconditional-image-generation", True) if spec.kind == "image" else ("unconditional-generation", False)
    if kind == "series":
        return "time-series-forecasting", True
    if kind == "ratings":
        return "recommendation", False
    if kind == "language" or has_tokens(spec.goal):
        return "text-generation", True
    noun = {"dense": "tabular", "image": "image", "tokens": "text"}.get(spec.kind, "sequence")
    noun = _NOUNS.get(kind, noun)
    classifies = has_classes(spec.goal)
    if mixes_kinds(spec.goal):
        classifies = any(has_classes(part.goal) for part in spec.parts)
    if classifies:
        return f"{noun}-classification", noun != "sequence"
    return f"{noun}-regression", noun == "tabular"


def use_of(kind: Kind, spec: DataSpec) -> Use:
    """Return how a model of a kind is used."""
    predict = "dlrun predict NAME INPUT"
    shape = " x ".join(map(str, spec.shape))
    uses: Mapping[Kind, Use] = {
        "table": Use("a CSV, Parquet or JSON lines file with the columns above", [predict], extra="table"),
        "numbers": Use(
            f"a CSV file with {plural(spec.num_features, 'column')} of numbers, in the order above, and a "
            "line of headings",
            [predict],
        ),
        "text": Use("a CSV or JSON lines file with the column of texts that is named above", [predict]),
        "language": Use("a text to continue", ['dlrun predict NAME --prompt "TEXT"']),
        "series": Use(
            "a CSV file with the columns above, one row for each step of time; its future is predicted",
            ["dlrun predict NAME INPUT --future --interval 0.9"],
        ),
        "images": Use("a folder of images, or one image", [predict]),
        "audio": Use("a folder of WAV or FLAC files, or one file", [predict], extra="audio"),
        "arrays": Use(f"a .npy, .npz or .safetensors file with rows of shape {shape}", [predict]),
        "ratings": Use(
            "a CSV or Parquet file with the columns above, for ratings; or of users only, for the best items of each",
            [predict, "dlrun predict NAME USERS --top 10"],
            extra="table",
        ),
        "samples": Use(
            "nothing: it makes samples of noise. The first command writes its generator as a file and prints a program "
            "that uses it",
            ["dlrun export NAME -o generator.pt2 --example"],
        ),
    }
    return uses[kind]


def columns_of(kind: Kind, about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the columns of an input file with their kinds; empty where a row has none. about: its preprocessing."""
    if kind == "ratings":
        return [(column["name"], "name") for column in about["columns"]]
    if kind == "table":
        return [(column["name"], column["kind"]) for column in about["columns"]]
    if kind == "numbers":
        return [(name, "number") for name in about["columns"]]
    if kind == "text":
        return [(str(about["column"]), "text")]
    if kind == "series":
        time = [(str(about["time"]), "time")] if isinstance(about["time"], str) else []
        return [*time, *((str(name), "number") for name in about["columns"])]
    return []


def classes_of(spec: DataSpec) -> list[tuple[str, Sequence[str]]]:
    """Return the classes of each target that has some, by the target's name, empty for the only one."""
    if spec.parts:
        return [(part.name, part.class_names) for part in spec.parts if has_classes(part.goal)]
    return [("", spec.class_names)] if has_classes(spec.goal) else []
