"""What the processes that train one model cannot share, told before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.errors import Problem


def find_too_small_batches(tree: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if a batch has fewer rows than there are processes to share it, as far as both are known."""
    rows, processes = tree["trainer"]["batch_size"], tree["device"]["processes"]
    if not isinstance(rows, int) or not isinstance(processes, int) or rows >= processes:
        return []
    what = (
        f"{processes} processes share each batch (device.processes), so some would have no row: expected at least "
        f"{processes}."
    )
    return [Problem(f"trainer.batch_size={rows}", what, "wrong-value", fix=f"trainer.batch_size={processes}")]


def find_unshardable(tree: Mapping[str, Any]) -> list[Problem]:
    """Return a problem if weights are to be shared out (fsdp), and the optimizer needs whole ones."""
    device, optimizer = tree["device"], tree["optimizer"]["name"]
    if device["strategy"] != "fsdp" or device["processes"] == 1 or not needs_whole_weights(optimizer):
        return []
    return [unshardable(optimizer)]


def needs_whole_weights(optimizer: str) -> bool:
    """Return whether an optimizer's step of one number depends on others of the same weight."""
    return optimizer == "muon"


def unshardable(optimizer: str) -> Problem:
    """Return the problem of an optimizer that needs whole weights where each process has a part."""
    what = (
        "Muon makes each gradient matrix orthogonal and needs all of it, but a process has a part of its rows. Use "
        "optimizer=adamw, or device.strategy=ddp."
    )
    return Problem(f"optimizer={optimizer}", what, id="sharding", fix="device.strategy=ddp")
