"""Texts: Shapley values of words, each of which is in the text or left out of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dlrun.data.texts.classification import TextEncoder
from dlrun.data.texts.tokenizer import split_text
from dlrun.runs.explain.attribution import Attribution, Share
from dlrun.runs.explain.methods import num_orders, shapley
from dlrun.runs.explain.model import Model
from dlrun.runs.explain.outputs import Answer
from dlrun.runs.explain.rows import InputRow
from dlrun.runs.loaded_run import LoadedRun
from dlrun.wording import plural

_MOST_TOKENS = 1 << 19  # that the model sees, of all orders
_ROWS = (1_024, 8_000)  # of them, the fewest and the most
_FEWEST_ORDERS = 32  # with fewer, amounts are mostly chance: neighbours in a longer text are one part
_AT_ONCE, _TOKENS_AT_ONCE = 64, 1 << 16


def explain_words(run: LoadedRun, model: Model, given: InputRow, answer: Answer) -> Attribution:
    """Return what each word adds to the output of a text.

    A word that is left out is removed, and the text is shorter: no word stands for one that is missing. Rows of tokens
    of one length, which cannot become shorter, have padding in its place.
    """
    ids = model.scaled(given.raw)  # (1, T)
    length, has_lengths = ids.shape[1], given.length is not None
    most_rows = min(max(_MOST_TOKENS // length, _ROWS[0]), _ROWS[1])
    names, groups = _joined(*_words_of(run, given), most=most_rows // _FEWEST_ORDERS)
    count = len(names)
    orders = num_orders(count, most_rows=most_rows)

    def forward(kept: Tensor) -> Tensor:
        keeps = kept > 0.5  # (B, T)
        rows = ids.expand(len(kept), -1)  # (1, T) -> (B, T)
        if not has_lengths:
            return answer.pick(model.outputs(rows * keeps))
        order = (~keeps).to(torch.uint8).argsort(dim=1, stable=True)  # kept tokens first
        lengths = keeps.sum(dim=1)  # (B, T) -> (B,)
        is_token = torch.arange(length, device=ids.device) < lengths.unsqueeze(1)  # (B, T)
        shorter = (rows.gather(1, order) * is_token)[:, : max(1, int(lengths.max()))]  # (B, T) -> (B, longest)
        return answer.pick(model.outputs(shorter, lengths))

    every = torch.ones(1, length, device=ids.device)
    at_once = max(1, min(count, _AT_ONCE, _TOKENS_AT_ONCE // length))
    amounts, errors = shapley(
        forward, every, 0 * every, groups.to(ids.device), orders=orders, seed=run.config.seed, at_once=at_once
    )
    with torch.no_grad():
        value, base = forward(torch.cat([every, 0 * every])).tolist()
    shares = [Share(name, "", *each) for name, *each in zip(names, amounts.tolist(), errors.tolist(), strict=True)]
    words = "an empty text" if has_lengths else "padding alone"
    return Attribution("words", value, base, words, f"Shapley values, {plural(orders, 'order')}", {"word": shares})


def _words_of(run: LoadedRun, given: InputRow) -> tuple[list[str], Tensor]:
    """The words of a text, and the word of each token, (T,): several characters or subwords may be one word."""
    ids = given.raw[0].tolist()
    encoder = run.encoder
    if not isinstance(encoder, TextEncoder):
        return [f"token {number}" for number in ids], torch.arange(len(ids))
    state = encoder.tokenizer.state()
    kind = state["name"]
    if kind == "subword":
        pieces = [encoder.tokenizer.text([number]) for number in ids]
    else:
        pieces = _as_typed(given.text or "", kind, state.get("pattern", ""))[: len(ids)]
    if kind == "words":
        return pieces, torch.arange(len(ids))
    words: list[str] = []
    groups = []
    for piece in pieces:
        begins = piece[:1].isspace() or (bool(words) and words[-1][-1:].isspace())
        if not words or (begins and not piece.isspace()):  # white space alone belongs to the word before
            words.append("")
        words[-1] += piece
        groups.append(len(words) - 1)
    return [word.strip() or word for word in words], torch.tensor(groups)


def _as_typed(text: str, kind: str, pattern: str) -> list[str]:
    """Words or characters as in the text; in lower case where letters become several by it."""
    name = "words" if kind == "words" else "characters"
    typed, lower = (
        split_text(text, name=name, lowercase=lowered, pattern=pattern)  # type: ignore[arg-type]
        for lowered in (False, True)
    )
    return typed if len(typed) == len(lower) else lower


def _joined(names: Sequence[str], groups: Tensor, *, most: int) -> tuple[list[str], Tensor]:
    """The same with at most so many words: neighbours are one."""
    each = -(-len(names) // most)
    return [" ".join(names[first : first + each]) for first in range(0, len(names), each)], groups // each
