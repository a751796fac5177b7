"""How a table is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from dlrun.data.tables.columns import BLOCK_KINDS

_SINCE = (
    "group",
    "weight",
    "more_targets",
)  # fields that are in no digest unless they are set, so that those of older runs stay


@dataclass(frozen=True)
class TableSettings:
    """How a table is read; the fields are those of dataset=table unless they have a comment."""

    name: str  # of the dataset
    path: str
    target: str
    val: str | None = None
    test: str | None = None
    task: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] | None = None  # kinds by column, of the only columns that are read; None reads all
    embed: bool = False  # categories as codes, for models that learn a vector for each; otherwise one-hot
    max_categories: int = 100
    max_length: int = 128
    max_vocabulary: int = 20_000
    image_size: int = 32
    missing: Literal["fill", "error", "drop"] = "fill"
    missing_target: Literal["leave_out", "stop"] = "leave_out"
    skip_bad_rows: bool = False
    delimiter: str = "auto"
    encoding: str = "utf-8"
    more_targets: tuple[str, ...] = ()  # besides the first one
    group: str | None = None
    weight: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets, in the user's order."""
        return (self.target, *self.more_targets)

    @property
    def images(self) -> list[str]:
        """The columns of images."""
        return [name for name, kind in self.columns.items() if kind == "image"]

    @property
    def of_rows(self) -> list[str]:
        """The columns that say something about a row, whose value must not be missing."""
        return [name for name in (self.group, self.weight) if name is not None]

    def decisive(self) -> dict[str, Any]:
        """Return all that decides the rows of given files, as JSON values; digests need these keys to stay.

        `missing_target` does not: with "stop" there is a run only if no row lacks a target.
        """
        values = {**asdict(self), "skip_bad": self.skip_bad_rows, "path": "", "val": "", "test": ""}
        del values["skip_bad_rows"], values["missing_target"]
        for name in [name for name in _SINCE if values[name] in (None, ())]:
            del values[name]
        if not set(self.columns.values()) & set(BLOCK_KINDS):
            del values["max_length"], values["max_vocabulary"], values["image_size"]
        return values
