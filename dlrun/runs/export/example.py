"""A short program that uses an exported file without dlrun, and a made-up row for it: none of the run's data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlrun.data.spec import DataSpec

_EXAMPLE_WORDS = 6
_WORDS = 're.findall({how}["tokenizer"]["pattern"], {text})'
_RUN: Mapping[str, Sequence[str]] = {
    "onnx": (
        "session = onnxruntime.InferenceSession({file})",
        "run = lambda inputs: session.run(None, inputs)",
    ),
    "torch": (
        "model = torch.export.load({file}).module()",
        "run = lambda inputs: [each.detach().numpy() for each in model(*map(torch.from_numpy, inputs.values()))]",
    ),
    "executorch": (
        "method = Runtime.get().load_program({file}).load_method('forward')",
        "run = lambda inputs: [each.numpy() for each in method.execute([*map(torch.from_numpy, inputs.values())])]",
    ),
}
_IMPORTS: Mapping[str, Sequence[str]] = {
    "onnx": ("import onnxruntime",),
    "torch": ("import torch",),
    "executorch": ("import torch", "from executorch.runtime import Runtime"),
}
_PRINT = (
    'for value, found in zip(about["outputs"], run(inputs)):',
    '    print(value["name"], [value["classes"][i] for i in found] if value["role"] == "class" else found.tolist())',
)
_PRINT_SHAPES = (
    'for value, found in zip(about["outputs"], run(inputs)):',
    '    print(value["name"], found.shape, found.min(), found.max())',
)


def example_row(about: Mapping[str, Any], spec: DataSpec) -> Any:
    """Return a row of ordinary values, made up from what the JSON has anyway; None where a file is needed.

    spec: of the data, whose means are the values of a dataset of plain numbers.
    """
    how = about["preprocessing"]
    if how["kind"] == "numbers":
        means = (() if spec.scaling is None else spec.scaling.mean) or (0.0,) * spec.num_features
        return {name: float(f"{mean:.4g}") for name, mean in zip(how["columns"], means, strict=True)}
    if how["kind"] == "table":
        return {column["name"]: _cell(column) for column in how["columns"]}
    if how["kind"] in ("text", "language"):
        return {how["column"]: _text(how["tokenizer"])}
    return None


def _cell(column: Mapping[str, Any]) -> Any:
    kind = column["kind"]
    if kind == "category":
        return next(iter(column["codes"]), None)
    if kind == "text":
        return _text(column["tokenizer"])
    if kind == "date":
        year, month, day = (int(part) for part in column["median"][:3])
        return f"{year:04d}-{max(1, month):02d}-{max(1, min(28, day)):02d}"
    if kind == "image":
        return None
    return "yes" if kind == "boolean" else float(f"{column['median']:.6g}")


def _text(tokenizer: Mapping[str, Any]) -> str:
    if tokenizer["name"] == "subword":
        return "a text"
    words = [word for word in tokenizer["vocabulary"] if word[:1].isalnum()]  # the most frequent first
    return ("" if tokenizer["name"] == "characters" else " ").join(words[:_EXAMPLE_WORDS]) or "a text"


def example_program(about: Mapping[str, Any]) -> str:
    """Return a program that runs an exported file in its folder, at most twenty lines long without its first."""
    how, kind = about["preprocessing"], about["file"]["format"]
    bodies: Mapping[str, Callable[[Mapping[str, Any]], tuple[Sequence[str], Sequence[str]]]] = {
        "numbers": _numbers,
        "table": _table,
        "text": _texts,
        "language": _language,
        "series": _series,
        "images": _images,
        "audio": _audio,
        "arrays": _arrays,
        "noise": _noise,
    }
    imports, body = bodies[how["kind"]](about)
    file = json.dumps(about["file"]["name"])
    modules = [line.split()[1] for line in imports]
    head = [
        f"import {', '.join(sorted({'json', *(name for name in modules if name in _STANDARD)}))}",
        "import numpy as np",
        *(line for line in imports if line.split()[1] not in _STANDARD),
        *_IMPORTS[kind],
        f'about = json.load(open({json.dumps(about["file"]["name"] + ".json")}, encoding="utf-8"))',
        *(line.format(file=file) for line in _RUN[kind]),
    ]
    return "\n".join([f"# Uses {about['file']['name']} without dlrun.", *head, *body]) + "\n"


_STANDARD = frozenset({"csv", "datetime", "json", "re", "sys", "wave"})
Body = tuple[Sequence[str], Sequence[str]]
"""Imports and lines."""


def _literal(about: Mapping[str, Any]) -> str:
    return repr(about["example"]["row"])


def _numbers(about: Mapping[str, Any]) -> Body:
    row = f"row = {_literal(about)}"
    inputs = 'inputs = {"inputs": np.array([[row[name] for name in about["preprocessing"]["columns"]]], np.float32)}'
    return (), (row, inputs, *_PRINT)


def _table(about: Mapping[str, Any]) -> Body:
    kinds = {column["kind"] for column in about["preprocessing"]["columns"]}
    lines = [
        f"row = {_literal(about)}",
        'inputs = {value["name"]: np.zeros([1, *value["shape"][1:]], value["dtype"]) for value in about["inputs"]}',
        'for column in about["preprocessing"]["columns"]:',
        '    kind, cell, at = column["kind"], row[column["name"]], column.get("place")',
        '    into = inputs[column["input"]][0]',
    ]
    imports, parts = [], []
    if "category" in kinds:
        codes = 'column["missing"] if cell is None else column["codes"].get(str(cell), 0)'
        parts.append(("category", [f"into[at] = {codes}"]))
    if "date" in kinds:
        imports.append("import datetime")
        when = "when = datetime.datetime.fromisoformat(cell)"
        values = "when.year, when.month, when.day, when.weekday(), when.hour + when.minute / 60"
        parts.append(("date", [when, f"into[at : at + 5] = {values}"]))
    if "boolean" in kinds:
        parts.append(("boolean", ['into[at] = np.nan if cell is None else str(cell).lower() in column["true"]']))
    if "text" in kinds:
        imports.append("import re")
        words = _WORDS.format(how="column", text="cell.lower()")
        ids = 'vocabulary = column["tokenizer"]["vocabulary"]'
        found = f"ids = [vocabulary.index(word) + 2 if word in vocabulary else 1 for word in {words}][: len(into)]"
        parts.append(("text", [ids, found, "into[: len(ids)] = ids"]))
    if "image" in kinds:
        parts.append(("image", ["into[:] = np.nan  # missing; else pixels from 0 to 255, channels first"]))
    if "number" in kinds:
        parts.append(("number", ["into[at] = np.nan if cell is None else cell"]))
    for number, (kind, body) in enumerate(parts):
        test = f'{"if" if number == 0 else "elif"} kind == "{kind}":'
        lines += [f"    {test} {body[0]}"] if len(body) == 1 else [f"    {test}", *(f"        {line}" for line in body)]
    return imports, (*lines, *_PRINT)


def _ids(how: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[str], str]:
    """Imports, lines, and what makes ids of the variable `text`."""
    name = how["tokenizer"]["name"]
    text = "text.lower()" if how["tokenizer"]["lowercase"] else "text"
    if name == "subword":
        line = 'tokenizer = Tokenizer.from_str(how["tokenizer"]["model"])'
        return ("from tokenizers import Tokenizer",), (line,), f"tokenizer.encode({text}, add_special_tokens=False).ids"
    line = 'known = {token: number for number, token in enumerate(how["tokenizer"]["vocabulary"], start=2)}'
    tokens = _WORDS.format(how="how", text=text) if name == "words" else text
    return ("import re",) if name == "words" else (), (line,), f"[known.get(token, 1) for token in {tokens}]"


def _texts(about: Mapping[str, Any]) -> Body:
    how = about["preprocessing"]
    imports, lines, ids = _ids(how)
    size = about["inputs"][0]["shape"][1]
    width = "len(ids)" if isinstance(size, str) else str(size)
    body = [
        'how = about["preprocessing"]',
        *lines,
        f"text = {about['example']['row'][how['column']]!r}",
        f'ids = {ids}[: how["max_length"]]',
        f'inputs = {{"tokens": np.zeros((1, {width}), np.int64), "lengths": np.array([len(ids)])}}',
        'inputs["tokens"][0, : len(ids)] = ids',
    ]
    return imports, (*body, *_PRINT)


def _language(about: Mapping[str, Any]) -> Body:
    how = about["preprocessing"]
    imports, lines, ids = _ids(how)
    size = about["inputs"][0]["shape"][1]
    width = "len(last)" if isinstance(size, str) else str(size)
    separator = '" "' if how["tokenizer"]["name"] == "words" else '""'
    spell = "tokenizer.decode(ids)"
    if how["tokenizer"]["name"] != "subword":
        spell = f'{separator}.join(how["tokenizer"]["vocabulary"][number - 2] for number in ids if number > 1)'
    body = [
        'how = about["preprocessing"]',
        *lines,
        f"text = {about['example']['row'][how['column']]!r}",
        f"ids = {ids}",
        "for _ in range(20):  # the likeliest token, never padding or unknown",
        '    last = ids[-how["max_length"] :]',
        f"    tokens = np.zeros((1, {width}), np.int64)",
        "    tokens[0, : len(last)] = last",
        '    ids.append(int(run({"tokens": tokens})[0][0, len(last) - 1, 2:].argmax()) + 2)',
        f"print({spell})",
    ]
    return imports, body


def _series(about: Mapping[str, Any]) -> Body:
    body = (
        'how = about["preprocessing"]',
        'points = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))[-how["window"] :]',
        'numbers = [[float(point[name]) for name in how["columns"]] for point in points]',
        'inputs = {"inputs": np.array([numbers], np.float32)}',
    )
    return ("import csv", "import sys"), (*body, *_PRINT)


def _images(about: Mapping[str, Any]) -> Body:
    how = about["preprocessing"]
    height, width = how["size"]
    mode = "L" if how["channels"] == 1 else "RGB"
    low, high = how["range"]
    fits = {
        "crop": f"ImageOps.fit(image, ({width}, {height}), Image.Resampling.BILINEAR)",
        "pad": f"ImageOps.pad(image, ({width}, {height}), Image.Resampling.BILINEAR)",
        "stretch": f"image.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    }
    scaled = "pixels" if (low, high) == (0.0, 255.0) else f"pixels / 255 * {high - low:g} + {low:g}"
    body = (
        f'image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("{mode}")',
        f"image = {fits[how['fit']]}",
        f"pixels = np.asarray(image, np.float32).reshape({height}, {width}, -1).transpose(2, 0, 1)[None]",
        f'inputs = {{"images": np.ascontiguousarray({scaled})}}',
    )
    return ("import sys", "from PIL import Image, ImageOps"), (*body, *_PRINT)


def _audio(about: Mapping[str, Any]) -> Body:
    how = about["preprocessing"]
    body = (
        "file = wave.open(sys.argv[1])  # of 16 bits",
        f'assert file.getframerate() == {how["rate"]}, "resample it first"',
        'samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())',
        f"samples = samples.mean(axis=1) / 32768  # the middle {how['samples']:,} of one channel",
        f"samples = samples[max(0, len(samples) - {how['samples']}) // 2 :][: {how['samples']}]",
        f"missing = {how['samples']} - len(samples)",
        "samples = np.pad(samples, (missing // 2, missing - missing // 2))",
        'inputs = {"samples": samples[None].astype(np.float32)}',
    )
    return ("import sys", "import wave"), (*body, *_PRINT)


def _arrays(about: Mapping[str, Any]) -> Body:
    first = about["inputs"][0]
    shape = [size if isinstance(size, int) else 1 if place == 0 else 5 for place, size in enumerate(first["shape"])]
    lines = [f'inputs = {{"{first["name"]}": np.zeros({shape}, np.{first["dtype"]})}}  # your rows']
    if len(about["inputs"]) > 1:
        lines.append(f'inputs["lengths"] = np.array([{shape[1]}])')
    return (), (*lines, *(_PRINT if about["goal"] != "language" else _PRINT_SHAPES))


def _noise(about: Mapping[str, Any]) -> Body:
    size = about["inputs"][0]["shape"][1]
    line = f'inputs = {{"noise": np.random.default_rng(0).standard_normal((1, {size})).astype(np.float32)}}'
    return (), (line, *_PRINT_SHAPES)
