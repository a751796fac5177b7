"""Which way texts are read: the parts of a text that are read from right to left, and the order of words on a line."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

_KINDS = {"R": "r", "AL": "r", "L": "l", "EN": "l", "AN": "l", "NSM": "m"}  # by class of direction; m: marks on letters
_NUMBERS = ("EN", "AN")


def is_from_right(char: str) -> bool:
    """Whether a character is read from right to left."""
    return _KINDS.get(unicodedata.bidirectional(char)) == "r"


def parts_by_direction(text: str) -> list[str]:
    """Return the parts of a text that are read from right to left, with what lies between their words, and the others.

    The parts are in the order of the text.
    """
    kinds = "".join(_KINDS.get(unicodedata.bidirectional(char), " ") for char in text)
    cuts = [place for found in re.finditer("r(?:[rm ]*r)?m*", kinds) for place in found.span()]
    return [part for first, last in itertools.pairwise([0, *cuts, len(text)]) if (part := text[first:last])]


def is_text_from_right(words: Sequence[str]) -> bool:
    """Whether a text is read from right to left: its first letter decides (Unicode's Annex 9, rule P2)."""
    classes = (unicodedata.bidirectional(char) for word in words for char in word)
    return _first((each for each in classes if each not in _NUMBERS), otherwise="l") == "r"


def visual_order(words: Sequence[str], *, from_right: bool) -> list[int]:
    """Return the places of a line's words as they stand from left to right: words of one direction follow each other.

    from_right: whether the text is. A word without letters and digits goes with its neighbours if they agree, else with
    the text.
    """
    base = "r" if from_right else "l"
    kinds = [_first(map(unicodedata.bidirectional, word), otherwise=" ") for word in words]
    for place, kind in enumerate(kinds):
        if kind == " ":
            before = kinds[place - 1] if place else base
            after = next((each for each in kinds[place + 1 :] if each != " "), base)
            kinds[place] = before if before == after else base
    groups = [list(group) for _, group in itertools.groupby(range(len(words)), key=kinds.__getitem__)]
    turned = [group[::-1] if kinds[group[0]] == "r" else group for group in groups]
    return [place for group in (turned[::-1] if from_right else turned) for place in group]


def _first(classes: Iterable[str], *, otherwise: str) -> str:
    """The direction of the first class that has one."""
    return next((kind for each in classes if (kind := _KINDS.get(each)) in ("r", "l")), otherwise)
