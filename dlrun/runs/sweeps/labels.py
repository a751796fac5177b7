"""What tells the points of a sweep's folder apart: the keys in which they differ, also those of several commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.rows import SweepRow

_OWN = ("resume",)  # says how a run is started, not what it is


def words_of(plan: Plan) -> tuple[str, ...]:
    """Return every key that a point's command set, as `KEY=VALUE`."""
    return tuple(f"{key}={value.text}" for key, value in plan.point.settings.items() if key not in _OWN)


class Labels:
    """The keys that are shown of each point. They grow: a later command may set a key that the earlier ones did not."""

    def __init__(self, rows: Iterable[SweepRow], words: Iterable[Sequence[str]]) -> None:
        """rows: of the points so far. words: of the points so far, as `words_of` returns them."""
        self._keys = dict.fromkeys(_key(each) for row in rows for each in row.overrides)
        self._first: dict[str, str] | None = None
        for each in words:
            self.learn(each)

    def learn(self, words: Sequence[str], swept: Iterable[str] = ()) -> bool:
        """Take a point; return whether more keys are shown than before.

        swept: the keys that its command gives several values.
        """
        before = len(self._keys)
        self._keys.update(dict.fromkeys(key for key in swept if key not in _OWN))
        own = {_key(word): word for word in words}
        if self._first is None:
            self._first = own
        differing = [key for key in {**self._first, **own} if self._first.get(key) != own.get(key)]
        self._keys.update(dict.fromkeys(differing))
        return len(self._keys) > before

    def of(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return what is shown of a point, in the order of its words: keys are learned in another after a kill."""
        return tuple(word for word in words if _key(word) in self._keys)


def _key(word: str) -> str:
    return word.partition("=")[0]
