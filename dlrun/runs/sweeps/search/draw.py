"""Numbers of a search that are the same on every machine and in every version of Python: from hashes, not a generator.

A number depends on its names only, so that one more trial or one more dimension leaves all others as they were.
"""

from __future__ import annotations

import hashlib
import itertools

from dlrun.configuration.sweeps.space import Space, Trial

_MOST_TO_LIST = 100_000
_ATTEMPTS = 100


def uniform(*names: object) -> float:
    """Return a number from 0 to below 1, drawn evenly; the same names always give the same number."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def seed_of(*names: object) -> int:
    """Return a seed for somebody else's generator, below 2^32."""
    return int(uniform(*names) * 2**32)


def text_of(trial: Trial) -> tuple[str, ...]:
    """Return what tells a trial from others."""
    return tuple(value.text for value in trial.values())


def new_trial(space: Space, seen: set[tuple[str, ...]], *names: object) -> Trial | None:
    """Return a trial that was not seen, drawn evenly; None if every one was."""
    for attempt in range(_ATTEMPTS):
        trial = {key: domain.at(uniform(*names, attempt, key)) for key, domain in space.dimensions.items()}
        if text_of(trial) not in seen:
            return trial
    if space.size is None or space.size > _MOST_TO_LIST:
        return None  # a range so narrow that it has only as many numbers
    domains = space.dimensions.values()
    every = itertools.product(*([domain.number(i) for i in range(domain.size or 0)] for domain in domains))
    left = [trial for values in every if text_of(trial := dict(zip(space.dimensions, values, strict=True))) not in seen]
    return left[int(uniform(*names, "left") * len(left))] if left else None
