"""Errors in the user's own code, told in words: the line of their file, and what PyTorch calls a name of Keras."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

from dlrun.errors import ConfigError, DlrunError, Problem
from dlrun.wording import printable

_ARGUMENTS = {
    "activation": "PyTorch layers have no activation: put nn.ReLU() after the layer.",
    "input_shape": "PyTorch layers are given the size of their input first, as nn.Linear(inputs, outputs); "
    "spec.shape is the shape of a row.",
    "input_dim": "PyTorch layers are given the size of their input first, as nn.Linear(inputs, outputs); "
    "spec.num_features is how many features a row has.",
    "units": "PyTorch calls it out_features: nn.Linear(inputs, outputs).",
    "filters": "PyTorch calls it out_channels: nn.Conv2d(in_channels, out_channels, kernel_size).",
    "strides": "PyTorch calls it stride.",
    "pool_size": "PyTorch calls it kernel_size: nn.MaxPool2d(2).",
    "rate": "PyTorch calls it p: nn.Dropout(0.5).",
    "use_bias": "PyTorch calls it bias.",
    "kernel_initializer": "In PyTorch, initialise the weights afterwards: nn.init.kaiming_normal_(layer.weight).",
    "return_sequences": "PyTorch's recurrent layers return all steps; take the last with output[:, -1].",
}
"""Arguments of Keras' layers -> what to write instead."""

_NAMES = {
    "Dense": "nn.Linear(inputs, outputs)",
    "Conv1D": "nn.Conv1d(in_channels, out_channels, kernel_size)",
    "Conv2D": "nn.Conv2d(in_channels, out_channels, kernel_size)",
    "MaxPooling2D": "nn.MaxPool2d(2)",
    "MaxPool2D": "nn.MaxPool2d(2)",
    "AveragePooling2D": "nn.AvgPool2d(2)",
    "GlobalAveragePooling2D": "nn.AdaptiveAvgPool2d(1) and nn.Flatten()",
    "BatchNormalization": "nn.BatchNorm2d(channels) or nn.BatchNorm1d(features)",
    "LayerNormalization": "nn.LayerNorm(features)",
    "Input": "no such layer; the first layer is given its number of inputs",
    "InputLayer": "no such layer; the first layer is given its number of inputs",
    "Reshape": "nn.Unflatten(1, shape)",
    "Activation": "nn.ReLU(), nn.Tanh(), ...",
}
"""Layers of Keras -> what PyTorch calls them."""

_OPTIMIZER = "dlrun builds the optimizer once the model exists: remove this line and choose it by optimizer=NAME."


def lines_of(error: BaseException, files: Sequence[Path]) -> str:
    """Return where an error passed through one of the user's files, as 'mine.py, line 7, `code`'; "" if it did not."""
    names = {str(path) for path in files}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in names]
    if not frames:
        return ""
    last = frames[-1]
    code = f", `{printable(last.line.strip())}`" if last.line else ""
    return f"{Path(last.filename).name}, line {last.lineno}{code}"


def advice_on(error: BaseException) -> str:
    """Return what to write instead, for a mistake that is often copied from a tutorial; "" for any other."""
    text = str(error)
    argument = re.search(r"(?:unexpected|invalid) keyword argument '(\w+)'", text)
    if argument is not None:
        return _ARGUMENTS.get(argument[1], "")
    name = re.search(r"module 'torch\.nn' has no attribute '(\w+)'", text)
    if name is not None:
        return f"PyTorch calls it {_NAMES[name[1]]}." if name[1] in _NAMES else ""
    if "optimizer got an empty parameter list" in text:
        return f"There is no layer yet whose weights it could change. {_OPTIMIZER}"
    return _advice_on_line(error)


def _advice_on_line(error: BaseException) -> str:
    """The same for mistakes that only the line of code shows."""
    if isinstance(error, ImportError) and re.search(r"'(tensorflow|keras)\b", str(error)):
        return "dlrun trains PyTorch models: write the layers with torch.nn."
    if isinstance(error, NameError | AttributeError):
        frames = traceback.extract_tb(error.__traceback__)
        if frames and re.search(r"\b(optim\.\w+|Adam|SGD|AdamW|RMSprop)\(", frames[-1].line or ""):
            return _OPTIMIZER
    return ""


def tell(error: BaseException, files: Sequence[Path]) -> str:
    """Return an error of the user's code in words: its kind and text, where it is, and what to write instead."""
    where, advice = lines_of(error, files), advice_on(error)
    text = f"{type(error).__name__}: {error}".rstrip(".: ")
    return f"{text}{f' ({where})' if where else ''}.{f' {advice}' if advice else ''}"


def as_mistake(error: BaseException, files: Sequence[Path]) -> ConfigError | None:
    """Return an error that nobody expected as one of the user's code; None if it did not pass through their files."""
    if isinstance(error, DlrunError) or not lines_of(error, files):
        return None
    name = lines_of(error, files).partition(",")[0]
    did = "ended the program" if isinstance(error, SystemExit) else "failed"
    what = f"Its code {did}: {tell(error, files)}"
    return ConfigError(Problem(f"--plugin {name}", what, id="plugin-failed"), title="1 problem in a plugin")
