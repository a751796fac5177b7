"""Well-known other names of options, and files where the name of an option is expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dlrun.wording import printable

_CROSS_ENTROPY, _LINEAR = "loss=cross_entropy", "model=linear"
_OTHERS: Mapping[tuple[str, str], str] = {
    ("dataset", "csv"): "dataset=table dataset.path=FILE",
    ("dataset", "images"): "dataset=image_folder dataset.path=FOLDER",
    ("dataset", "audio"): "dataset=audio_folder dataset.path=FOLDER",
    ("model", "lstm"): "model=rnn model.cell=lstm",
    ("model", "gru"): "model=rnn model.cell=gru",
    ("model", "logistic"): _LINEAR,
    ("model", "logistic_regression"): _LINEAR,
    ("model", "linear_regression"): _LINEAR,
    ("model", "softmax"): _LINEAR,
    ("model", "conv"): "model=cnn",
    ("model", "convnet"): "model=cnn",
    ("model", "dense"): "model=mlp",
    ("model", "fully_connected"): "model=mlp",
    ("model", "dcgan"): "model=gan model.architecture=conv",
    ("model", "resnet20"): "model=resnet",
    ("loss", "bce"): "loss=binary_cross_entropy",
    ("loss", "ce"): _CROSS_ENTROPY,
    ("loss", "l1"): "loss=mae",
    ("loss", "l2"): "loss=mse",
}
"""Overrides that choose exactly what another name means; lower case, with underscores."""

_KEYS: Mapping[str, str] = {
    **dict.fromkeys(("learning_rate", "eta", "lr_rate"), "optimizer.lr"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs"), "trainer.epochs"),
    **dict.fromkeys(("num_workers", "n_workers"), "trainer.workers"),
}
"""Keys by other names for the same, with their group or without."""

_ON_THE_COMMAND_LINE: Mapping[str, str] = {
    **dict.fromkeys(("run.dir", "run_dir", "output_dir", "out_dir", "save_dir", "log_dir", "logdir"), "hydra.run.dir"),
    **dict.fromkeys(("gpu", "gpus"), "device"),
}
"""Keys that a recipe cannot set."""

_OF_ENDING: Mapping[str, str] = {
    **dict.fromkeys((".csv", ".tsv", ".parquet", ".jsonl"), "dataset=table dataset.path="),
    **dict.fromkeys((".npz", ".npy", ".safetensors"), "dataset=arrays dataset.path="),
    ".txt": "dataset=text dataset.path=",
    **dict.fromkeys((".yaml", ".yml"), "recipe="),
}


def overrides_of(group: str, name: str) -> str | None:
    """Return the overrides that choose what another name of an option means, or None if it is none."""
    return _OTHERS.get((group, name.lower().replace("-", "_")))


def key_of(name: str, *, on_the_command_line: bool = False) -> str | None:
    """Return the key that another name, with a group or without, stands for, or None if it is none."""
    name = name.lower().replace("-", "_")
    own = _ON_THE_COMMAND_LINE.get(name) if on_the_command_line else None
    return own or _KEYS.get(name) or _KEYS.get(name.rpartition(".")[2])


def hint_of_path(name: str, *, command: str = "") -> str:
    """Return how to train on the file or folder that a word names; "" if it names none.

    command: what is written before the overrides.
    """
    try:
        path = Path(name).expanduser()
        is_data_folder = path.is_dir() and not (path / "config.yaml").exists()  # a run's folder has one
        is_file = path.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL, the home of an unknown user
        return ""
    shown = printable(name)
    if is_data_folder:
        images, audio = (f"`{command}dataset={each}_folder dataset.path={shown}`" for each in ("image", "audio"))
        return f"{shown} is a folder; to train on its images: {images}, on its audio: {audio}."
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if not is_file or ending not in _OF_ENDING:
        return ""
    return f"{shown} is a file; to train with it: `{command}{_OF_ENDING[ending]}{shown}`."
