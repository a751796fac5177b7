"""The model card: what a run is, filled from the run, with marked places for what only its author knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.runs.publish.facts import Facts
from dlrun.runs.publish.front_matter import front_matter, shown_split
from dlrun.runs.publish.markdown import fence, plain, table
from dlrun.storage.published import CONFIG, MANIFEST, MODEL, ONNX, ONNX_JSON, RECIPE, RESULT, SAMPLES, WEIGHTS
from dlrun.wording import count, number, numbers, numbers_by_metric, plural

PLACE = "[More Information Needed]"
"""Marks what the author is to write, as the hub's own template does."""
_MOST_ROWS, _MOST_CLASSES, _MOST_BASELINES, _SHOWN_CLASSES = 100, 100, 5, 30
_FIGURES = ("precision", "recall", "f1", "support")


def card(facts: Facts) -> str:
    """Return the text of README.md."""
    parts = [
        front_matter(facts),
        f"# {plain(facts.name)}",
        _summary(facts),
        _place("Intended use", "Who is it for, and for what? What should it not be used for?"),
        _place("Limits", "Where is it wrong, and whom could that harm? Whom or what does the data leave out?"),
        *_data(facts),
        *_results(facts),
        *_use(facts),
        *_repeat(facts),
        *_files(facts),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def num_places(text: str) -> int:
    """Return how many places of a card are left to its author."""
    return text.count(PLACE)


def _place(title: str, question: str) -> str:
    return f"## {title}\n\n<!-- AUTHOR: {question} -->\n{PLACE}"


def _summary(facts: Facts) -> str:
    result = facts.result
    parameters = result.get("parameters")
    size = f" with {plural(parameters, 'parameter')}" if isinstance(parameters, int) else ""
    best, versions = result.get("best"), result.get("environment") or {}
    does = "that makes" if facts.kind == "samples" else "for"
    lines = [f"A network (`{_code(facts.model)}`){size} {does} {plain(facts.describes, limit=1000)}."]
    if isinstance(best, Mapping):
        reached = f"{plain(best['metric'])} {number(best['value'])}"
        lines.append(f"These are the weights of its best epoch, {count(best['epoch'])} ({reached}).")
    made = f"dlrun {plain(versions['dlrun'])}" if "dlrun" in versions else "dlrun"
    lines.append(f"Trained with {made} from the configuration in this folder.")
    text = " ".join(lines)
    picture = f"\n\n![What the model makes of noise]({SAMPLES})" if SAMPLES in facts.files else ""
    return text + picture + _needs(facts)


def _code(name: str) -> str:
    """A name of dlrun's own, or of a plugin, within backquotes."""
    return "".join(char if char.isalnum() or char in "_, -." else "?" for char in name)[:80]


def _needs(facts: Facts) -> str:
    lines = [
        f"- the plugin {plain(name)}, SHA-256 {plain(digest)}: `--plugin FILE.py` with each command. It is code, "
        "it is not in this folder, and it is never loaded unless you name it; read it first."
        for name, digest in facts.plugins.items()
    ]
    lines += [f"- the package {plain(name)}, installed" for name in facts.packages]
    return "\n\nIt needs, besides dlrun:\n\n" + "\n".join(lines) if lines else ""


def _data(facts: Facts) -> list[str]:
    sizes = facts.result["dataset"]["sizes"]
    rows = [["dataset", plain(facts.data)], ["what it is", plain(facts.describes, limit=1000)]]
    rows += [[f"{plain(split)} rows", count(size)] for split, size in sizes.items()]
    rows += [["where to get it", plain(facts.where, limit=1000)]]
    rows += [["fingerprint", plain(facts.result["dataset"]["fingerprint"])]]
    parts = ["## Data", table(["", ""], rows), _place_in_data()]
    if facts.columns:
        shown = [[plain(name), plain(kind)] for name, kind in facts.columns[:_MOST_ROWS]]
        more = len(facts.columns) - len(shown)
        parts += ["Columns that the model reads:", table(["column", "kind"], shown)]
        parts += [f"{plural(more, 'more column')}: see `{MODEL}`."] if more > 0 else []
    for target, names in facts.classes:
        listed = ", ".join(plain(name, limit=60) for name in names[:_SHOWN_CLASSES])
        more = len(names) - _SHOWN_CLASSES
        parts.append(f"Classes{f' of {plain(target)}' if target else ''}: {listed}{f', {more} more' * (more > 0)}.")
    if facts.num_words:
        parts.append(
            f"`{MODEL}` has {plural(facts.num_words, 'word')}, categories, identifiers and names of columns of the "
            "training data, which predicting needs."
        )
    return parts


def _place_in_data() -> str:
    return f"<!-- AUTHOR: How was the data collected, by whom, and under what licence? -->\n{PLACE}"


def _results(facts: Facts) -> list[str]:
    metrics = facts.result["metrics"]
    split = shown_split(metrics)
    if not split:
        return []
    baselines = [each for each in facts.result.get("baselines") or [] if _is_baseline(each)][:_MOST_BASELINES]
    heads = ["metric", "this model", *(plain(each["name"]) for each in baselines)]
    shown = list(metrics.items())[:_MOST_ROWS]
    values = {name: [value, *(each["metrics"].get(name) for each in baselines)] for name, value in shown}
    rows = [[plain(name), *cells] for name, cells in numbers_by_metric(values).items()]
    parts = ["## Results", _meaning(metrics, has_baselines=bool(baselines))]
    parts.append(table(heads, rows, right=range(1, len(heads))))
    for place, figures in (facts.result.get("per_class") or {}).items():
        if place.partition("/")[0] == split and isinstance(figures, Mapping):
            parts += _per_class(place, figures)
    parts += [f"- {plain(each, limit=500)}" for each in facts.result.get("notices") or []]
    return parts


def _meaning(metrics: Mapping[str, Any], *, has_baselines: bool) -> str:
    """Which rows the metrics are of."""
    splits = {name.partition("/")[0] for name in metrics}
    lines = ["`test/` is measured on rows that chose nothing."] if "test" in splits else []
    lines += ["`val/` rows chose the best epoch."] if "val" in splits else []
    if splits == {"train"}:
        lines = ["`train/` is measured on the rows of the training, and says little of new ones."]
    lines += ["Beside it are trivial and simple models on the same rows."] if has_baselines else []
    return " ".join(lines)


def _is_baseline(entry: Any) -> bool:
    return isinstance(entry, Mapping) and isinstance(entry.get("metrics"), Mapping) and "name" in entry


def _per_class(place: str, figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    shown = list(figures.items())[:_MOST_CLASSES]
    columns = [numbers([each.get(figure) for _, each in shown]) for figure in _FIGURES]
    rows = [[plain(name), *(column[place] for column in columns)] for place, (name, _) in enumerate(shown)]
    heads = ["class", "precision", "recall", "F1", "rows"]
    return [f"By class ({plain(place)}):", table(heads, rows, right=(1, 2, 3, 4))]


def _use(facts: Facts) -> list[str]:
    extra = facts.use.extra
    package = f'"dlrun[{extra}]"' if extra else "dlrun"
    repository = facts.repository or f"OWNER/{facts.name}"
    plugins = "".join(f" --plugin {name}" for name in facts.plugins)
    lines = [f"pip install {package} huggingface_hub", f"hf download {repository} --local-dir {_folder(facts)}"]
    lines += [line.replace("NAME", _folder(facts)) + plugins for line in facts.use.lines]
    parts = ["## How to use it", fence(lines), f"INPUT is {plain(facts.use.what, limit=1000)}."]
    parts.append(
        "Every file is verified against its SHA-256 when it is read. Weights are safetensors: nothing is unpickled, "
        "and no code of this folder runs, for it has none."
    )
    if ONNX in facts.files:
        parts.append(
            f"`{ONNX}` is the same model for other programs, checked against it; `{ONNX_JSON}` says what goes in and "
            "what comes out."
        )
    return parts


def _folder(facts: Facts) -> str:
    """The name of the folder in commands, which no shell takes apart."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "-" for char in facts.name)


def _repeat(facts: Facts) -> list[str]:
    more = "".join(f" --plugin {name}" for name in facts.plugins) + facts.to_set
    if RECIPE in facts.files:
        lines = [f"dlrun verify {RECIPE}{more}          # train it again, and hold it against what it promises"]
        lines += [f"dlrun verify {RECIPE} --quick{more}  # the first steps only"]
    else:
        lines = [f"dlrun recipe=./{CONFIG}{more}"]
    text = "In this folder:"
    if facts.to_set:
        text = "In this folder, with the data's file or folder in place of FILE:"
    return ["## How to repeat it", text, fence(lines)]


def _files(facts: Facts) -> list[str]:
    meanings: Mapping[str, str] = {
        WEIGHTS: "the weights",
        MODEL: "what predicting needs besides: the shapes, scaling, vocabularies and categories of the data",
        CONFIG: "every setting of the training",
        RECIPE: "what differs from the defaults, with what was measured; `dlrun verify` trains it again",
        RESULT: "what was measured",
        SAMPLES: "what the model makes of noise",
        "forecast.json": "errors on held-out windows, for intervals",
        ONNX: "the model for other programs",
        ONNX_JSON: "what goes into it and comes out",
    }
    names: Sequence[str] = [name for name in meanings if name in facts.files]
    rows = [[f"`{name}`", meanings[name]] for name in names]
    return ["## Files", table(["file", "holds"], [*rows, [f"`{MANIFEST}`", "size and SHA-256 of every file"]])]
