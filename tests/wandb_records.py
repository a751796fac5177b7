"""Read the records of a local run of Weights & Biases: a LevelDB log of protobuf messages of its own package."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK, _HEADER = 32_768, 7  # bytes
_FULL, _LAST = 1, 4  # kinds of pieces: a whole record, and the last of one


def records(path: Path) -> Iterator[Any]:
    """Yield every record of a .wandb file."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, whole = path.read_bytes(), _HEADER, b""
    if content[:4] != b":W&B":
        raise ValueError(f"{path}: not a file of Weights & Biases")
    while place + _HEADER <= len(content):
        if _BLOCK - place % _BLOCK < _HEADER:  # too short for a header: filled with zeros
            place += _BLOCK - place % _BLOCK
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + _HEADER])
        whole += content[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (_FULL, _LAST):
            found, whole = Record.FromString(whole), b""
            yield found


def key_of(item: Any) -> str:
    """Return the key of an item of a record."""
    return item.key or ".".join(item.nested_key)
