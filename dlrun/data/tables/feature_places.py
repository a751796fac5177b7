"""Which features of an encoded row are those of each column, and what the row's cells were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dlrun.data.originals import as_written
from dlrun.data.tables.blocks import TextBlock, restored_block
from dlrun.data.tables.columns import BLOCK_KINDS, WORD_KINDS, Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.originals import date_of

_MISSING, _UNKNOWN = "(missing)", "(not in training)"


@dataclass(frozen=True)
class Place:
    """A column's features: `values` and, if any training row had it missing, the one that flags that."""

    column: Column
    values: range
    flag: int | None = None

    @property
    def features(self) -> list[int]:
        """All of them."""
        return [*self.values, *(() if self.flag is None else (self.flag,))]


def places_of(encoder: TableEncoder) -> list[Place]:
    """Return the place of each column, in the order of the encoder's columns."""
    state = encoder.state()
    lacking = dict(zip((column.name for column in encoder.columns), state["lacking"], strict=True))
    found: dict[str, Place] = {}
    flags: dict[str, int] = {}
    at = 0
    for column in encoder.columns:
        if column.kind not in WORD_KINDS:
            found[column.name] = Place(column, range(at, at + column.width))
            at += column.width
    for column in encoder.columns:
        if column.kind != "category" and lacking[column.name]:
            flags[column.name] = at
            at += 1
    for column in encoder.columns:
        if column.kind == "category":
            width = 1 if encoder.embed else len(encoder.known[column.name]) + lacking[column.name]
            found[column.name] = Place(column, range(at, at + width))
            at += width
    for column, block in zip(_of_blocks(encoder), encoder.blocks, strict=True):
        found[column.name] = Place(column, range(block.start, block.start + block.width))
    return [
        Place(column, found[column.name].values, flags.get(column.name))
        for column in encoder.columns
    ]  # fmt: skip


def cells_of(encoder: TableEncoder, places: Sequence[Place], features: Tensor) -> list[str]:
    """Return the cell of each place as a person writes it, from a row of features before scaling, (F,)."""
    texts = {
        block["name"]: restored_block(block)
        for block in encoder.state().get("blocks", ())
        if block["kind"] == "text"
    }  # fmt: skip
    cells = []
    for place in places:
        values = features[place.values.start : place.values.stop]
        name, kind = place.column.name, place.column.kind
        if place.flag is not None and bool(features[place.flag]):
            cells.append(_MISSING)
        elif kind == "category":
            cells.append(_category(encoder, name, values))
        elif kind == "image":
            cells.append("(image)")
        elif kind == "text":
            block = texts[name]
            cells.append(_text(block, values) if isinstance(block, TextBlock) else "")
        elif kind == "boolean":
            cells.append("yes" if float(values[0]) else "no")
        elif kind == "date":
            cells.append(date_of(values.numpy()))
        else:
            cells.append(as_written(float(values[0])))
    return cells


def _of_blocks(encoder: TableEncoder) -> list[Column]:
    return [column for column in encoder.columns if column.kind in BLOCK_KINDS]


def _category(encoder: TableEncoder, name: str, values: Tensor) -> str:
    """The word of a code, or of one-hot features; after the known words comes the missing one."""
    code = int(values[0]) if encoder.embed else int(values.argmax()) + 1 if len(values) and bool(values.any()) else 0
    if code == 0:
        return _UNKNOWN
    words = encoder.known[name]
    return words[code - 1] if code <= len(words) else _MISSING


def _text(block: TextBlock, values: Tensor) -> str:
    ids = [int(value) for value in values.tolist()]
    return block.tokenizer.text(ids[: ids.index(0)] if 0 in ids else ids)
