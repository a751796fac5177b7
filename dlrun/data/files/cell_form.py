"""How a file's cells are written: numbers with a decimal comma (12,5 or 1.234,56) between semicolons, and spaces."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_WITH_COMMA = re.compile(r"\s*[-+]?(\d+|\d{1,3}(\.\d{3})+)?,\d+\s*")
_THOUSANDS = re.compile(r"\s*[-+]?\d{1,3}((,\d{3}){2,}|(,\d{3})+\.\d+)\s*")  # 1,234,567 or 1,234.5
_MAYBE_THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")  # 1,234
_WHOLE = re.compile(r"\s*[-+]?\d{1,3}\s*")


def columns_with_commas(columns: Mapping[str, Iterable[str | None]]) -> set[str]:
    """Return the names of columns in which a comma is a decimal mark; not those where it divides thousands."""
    return {name for name, values in columns.items() if _has_commas({text for text in values if text is not None})}


def _has_commas(texts: Collection[str]) -> bool:
    with_comma = [text for text in texts if _WITH_COMMA.fullmatch(text)]
    if not with_comma or any(map(_THOUSANDS.fullmatch, texts)):
        return False
    are_alike = all(map(_MAYBE_THOUSANDS.fullmatch, with_comma))  # then 987 beside 1,234 means 1234
    return not (are_alike and any(map(_WHOLE.fullmatch, texts)))


def with_point(text: str) -> str:
    """Return a number with a decimal comma as one with a point, without thousands; any other text as it is."""
    return text.replace(".", "").replace(",", ".") if _WITH_COMMA.fullmatch(text) else text


def with_points(texts: Collection[str | None]) -> list[str | None]:
    """Return each text as `with_point` does; None stays."""
    return [None if text is None else with_point(text) for text in texts]


@dataclass(frozen=True)
class Form:
    """What is only form in the cells of a file, and no part of their values.

    missing: texts that stand for a missing value. has_spaces: cells may have spaces around them. with_commas: columns
    whose numbers have a decimal comma.
    """

    missing: Collection[str]
    has_spaces: bool = False
    with_commas: frozenset[str] = frozenset()

    def plain(self, name: str, texts: list[str | None]) -> list[str | None]:
        """Return the texts of a column without it; None for a missing value."""
        if self.has_spaces:
            stripped = [text and text.strip() for text in texts]
            texts = [None if text in self.missing else text for text in stripped]
        return with_points(texts) if name in self.with_commas else texts

    def plain_batch(self, batch: Any, pyarrow: Any) -> Any:
        """Return an Arrow batch with the dictionaries of its texts as `plain` makes them."""
        if not (self.has_spaces or self.with_commas):
            return batch
        arrays = list(batch.columns)
        for place, name in enumerate(batch.schema.names):
            if hasattr(arrays[place], "dictionary"):
                words = pyarrow.array(self.plain(name, arrays[place].dictionary.to_pylist()), pyarrow.string())
                arrays[place] = words.take(arrays[place].indices).dictionary_encode()
        return pyarrow.RecordBatch.from_arrays(arrays, batch.schema.names)
