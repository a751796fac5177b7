"""Text from a language model, token by token."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dlrun.data.loading.randomness import generator
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import UNKNOWN, Tokenizer
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.modes import evaluating
from dlrun.tasks.task import SupervisedTask

LENGTH, TEMPERATURE = 200, 0.8
"""Of a text, in tokens, if its user does not say."""

NextLogits = Callable[[list[int]], Tensor]
"""From the last tokens to the logits of the next one, (V,)."""


def generate_text(
    task: SupervisedTask,
    encoder: LanguageEncoder,
    prompt: str,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> str:
    """Return the prompt with the text that the model continues it with; equal arguments give equal text.

    length: number of tokens to add, from 0 up. temperature: from 0 up; below 1 likely tokens become likelier, and 0
    always takes the likeliest. top_k: sample from the k likeliest tokens only; None from all.
    Raises ConfigError if the prompt has no tokens.
    """
    with evaluating(task):
        return continued_text(
            network_logits(task),
            encoder.tokenizer,
            prompt,
            context=encoder.context,
            length=length,
            temperature=temperature,
            top_k=top_k,
            seed=seed,
        )


def continued_text(
    next_logits: NextLogits,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    context: int,
    length: int,
    temperature: float,
    top_k: int | None = None,
    seed: int,
) -> str:
    """Return what `generate_text` does, by any means that gives the logits of the next token. context: tokens it sees.

    Raises ConfigError if the prompt has no tokens.
    """
    ids = tokenizer.ids(prompt)
    if not ids:
        raise ConfigError(Problem("--prompt", "Expected a text to continue, got one without any token."))
    new = generate_ids(
        next_logits, ids, context=context, length=length, temperature=temperature, top_k=top_k, seed=seed
    )
    return prompt + tokenizer.separator + tokenizer.text(new) if new else prompt


def generate_ids(
    next_logits: NextLogits,
    prompt: list[int],
    *,
    context: int,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int,
) -> list[int]:
    """Return the token ids that a model adds to a prompt; it sees the last `context` tokens."""
    random = generator(seed, "generate")
    ids = list(prompt)
    with torch.inference_mode():
        for _ in range(length):
            logits = next_logits(ids[-context:]).double().cpu()
            ids.append(_sample(logits, temperature=temperature, top_k=top_k, random=random))
    return ids[len(prompt) :]


def network_logits(task: SupervisedTask) -> NextLogits:
    """Return what gives the next token's logits by a network, in the mode that it has then."""
    device = next(task.parameters()).device

    def next_logits(window: list[int]) -> Tensor:
        logits: Tensor = task.model(torch.tensor([window], device=device))[0, -1]  # (1, T) -> (1, T, V) -> (V,)
        return logits

    return next_logits


def _sample(logits: Tensor, *, temperature: float, top_k: int | None, random: torch.Generator) -> int:
    """Sample a token id from logits, (V,); never padding or the unknown token."""
    logits = logits.clone()
    logits[: UNKNOWN + 1] = -torch.inf
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    return int(torch.multinomial((logits / temperature).softmax(dim=0), 1, generator=random))
