"""Arrays of your own: inputs and targets from .npz, .npy or .safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dlrun.configuration.schema.fields import DataPath
from dlrun.data.arrays.source import ArraysEncoder, arrays_source
from dlrun.data.source import Encoder, Source


def arrays(
    *,
    path: DataPath,
    inputs: str,
    targets: str,
    val: DataPath | None,
    test: DataPath | None,
    kind: Literal["auto", "dense", "image", "sequence", "tokens"],
    task: Literal["auto", "regression", "binary", "multiclass"],
    in_memory: Literal["auto"] | bool,
) -> Source:
    """Rows of (N, F), (N, C, H, W), (N, T, F) or, for integers, (N, T); integer targets are classes.

    in_memory: false reads rows of .npy and .safetensors from their file whenever they are needed.

    Raises DataError naming file, array and row.
    """
    return arrays_source(
        path,
        inputs=inputs,
        targets=targets,
        val=val,
        test=test,
        kind=None if kind == "auto" else kind,
        task=task,
        in_memory=in_memory,
    )


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new arrays."""
    return ArraysEncoder.restored(state)
