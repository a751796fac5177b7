"""How raw rows become a graph's inputs, as plain values: what the JSON beside an exported file says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.data.arrays.source import ArraysEncoder
from dlrun.data.encoders import default_encoder
from dlrun.data.files.arrow_table import MISSING_WORDS
from dlrun.data.files.bundled import feature_names
from dlrun.data.media.audio import AudioEncoder
from dlrun.data.media.images import ImageEncoder
from dlrun.data.spec import DataSpec
from dlrun.data.tables.columns import DATE_PARTS, NONE, WORD_KINDS
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.series import SeriesEncoder
from dlrun.data.texts.classification import TextEncoder
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import PADDING, UNKNOWN
from dlrun.runs.export.preprocessors import block_names
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.task import SupervisedTask

TRUE, FALSE = ("yes", "y", "true", "t", "1"), ("no", "n", "false", "f", "0")


def preprocessing_of(run: LoadedRun) -> dict[str, Any]:
    """Return what has to be done to raw rows, with a `kind`:

    numbers, table, text, language, series, images, audio, arrays (rows are the inputs already) or noise.
    """
    encoder, spec = run.encoder, run.spec
    if not isinstance(run.task, SupervisedTask):
        return {"kind": "noise", "distribution": "normal", "mean": 0.0, "std": 1.0}
    if isinstance(encoder, TableEncoder):
        state = encoder.state()
        return {"kind": "table", "missing_words": [*MISSING_WORDS, NONE], "columns": _columns(state, spec)}
    if isinstance(encoder, TextEncoder):
        state = encoder.state()
        form = state["format"]
        return {"kind": "text", "column": form["text"], **_tokens(state["tokenizer"], form["max_length"])}
    if isinstance(encoder, LanguageEncoder):
        state = encoder.state()
        return {"kind": "language", "column": "text", **_tokens(state["tokenizer"], state["context"])}
    if isinstance(encoder, SeriesEncoder):
        state = encoder.state()
        listed = {name: state[name] for name in ("columns", "target", "time", "window")}
        return {"kind": "series", **listed}
    if isinstance(encoder, AudioEncoder):
        state = encoder.state()
        samples = max(1, round(state["rate"] * state["seconds"]))
        return {"kind": "audio", "rate": state["rate"], "seconds": state["seconds"], "samples": samples}
    if encoder is None and spec.kind == "image" and spec.shape[0] in (1, 3):
        encoder = default_encoder(run.config.dataset.name, spec, pad=run.config.dataset_settings.pad, warn=_ignore)
    if isinstance(encoder, ImageEncoder):
        return {"kind": "images", **encoder.description()}
    if encoder is None and spec.kind == "dense":
        return {"kind": "numbers", "columns": _names(run.config.dataset.name, spec.shape[0])}
    vocabulary = encoder.state()["vocabulary_size"] if isinstance(encoder, ArraysEncoder) else None
    return {"kind": "arrays", "vocabulary_size": vocabulary}


def _ignore(text: str) -> None:
    """A notice about rows, of which none are read."""


def _names(dataset: str, count: int) -> list[str]:
    return feature_names(dataset, count) or [f"column_{number}" for number in range(1, count + 1)]


def _tokens(tokenizer: Mapping[str, Any], longest: int) -> dict[str, Any]:
    return {"tokenizer": dict(tokenizer), "padding": PADDING, "unknown": UNKNOWN, "max_length": longest}


def _columns(state: Mapping[str, Any], spec: DataSpec) -> list[dict[str, Any]]:
    """Return each column with the input that it belongs to, and its place there."""
    lenient, number, code = set(state.get("lenient", ())), 0, 0
    inputs = {block.name: name for name, block in block_names(spec.blocks)}
    encoders: Mapping[str, Mapping[str, Any]] = {block["name"]: block for block in state.get("blocks", ())}
    medians = iter(state["medians"])
    found: list[dict[str, Any]] = []
    for (name, kind), had_missing in zip(state["columns"], state["lacking"], strict=True):
        width = len(DATE_PARTS) if kind == "date" else 1
        middle = [next(medians) for _ in range(width)]
        column: dict[str, Any] = {"name": name, "kind": kind}
        if kind == "category":
            words: Sequence[str] = state["kept"][name]
            codes = {word: number for number, word in enumerate(words, start=1)}
            missing = len(words) + 1 if had_missing else 0
            column |= {"input": "categories", "place": code, "codes": codes, "unknown": 0, "missing": missing}
            code += 1
        elif kind in WORD_KINDS:
            column |= _block(inputs[name], encoders[name])
        else:
            column |= {"input": "numbers", "place": number, "lenient": name in lenient, "median": middle[0]}
            if kind == "date":
                column |= {"parts": list(DATE_PARTS), "median": middle}
            if kind == "boolean":
                column |= {"true": list(TRUE), "false": list(FALSE)}
            number += width
        found.append(column)
    return found


def _block(name: str, encoder: Mapping[str, Any]) -> dict[str, Any]:
    if encoder["kind"] == "text":
        return {"input": name, "missing": -1, **_tokens(encoder["tokenizer"], encoder["length"])}
    size, channels = encoder["size"], encoder["channels"]
    return {"input": name, "missing": "nan", "size": [size, size], "channels": channels, "fit": "crop"}
