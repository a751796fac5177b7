"""A vocabulary that knows too little of the texts that it was made from."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from dlrun.data.texts.tokenizer import PADDING, UNKNOWN
from dlrun.errors import Problem
from dlrun.lint.rows import sample
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys

_SHARE = 0.2
_ROWS = 1000
_SPECIAL = 2  # ids of padding and unknown
_USUAL = 20_000  # tokens


def _check(subject: Subject) -> Iterator[Problem]:
    most = subject.value("dataset.max_vocabulary")
    if subject.spec.kind != "tokens" or most is None:
        return
    share = subject.once("unknown tokens", data_keys(subject), lambda: _share(subject))
    if share <= _SHARE:
        return
    is_full = (subject.spec.vocabulary_size or 0) - _SPECIAL >= most
    key, cure = ("max_vocabulary", max(_USUAL, 4 * most)) if is_full else ("min_count", 1)
    what = (
        f"{share:.0%} of the tokens in the training texts are not in the vocabulary of "
        f"{(subject.spec.vocabulary_size or _SPECIAL) - _SPECIAL:,}."
    )
    yield Problem(f"dataset.{key}", what, fix=f"dataset.{key}={cure}")


def _share(subject: Subject) -> float:
    ids = sample(subject.data.train, _ROWS).inputs
    return float((ids == UNKNOWN).sum() / torch.clamp((ids != PADDING).sum(), min=1))


RULE = Rule(
    "unknown-tokens",
    "Words that are not in the vocabulary become one and the same token, and what they say is lost.",
    _check,
)
