"""Text from a language model, token by token."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.data.loading.randomness import generator
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import UNKNOWN
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.task import SupervisedTask


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
    tokenizer = encoder.tokenizer
    ids = tokenizer.ids(prompt)
    if not ids:
        raise ConfigError(Problem("--prompt", "Expected a text to continue, got one without any token."))
    new = generate_ids(
        task, ids, context=encoder.context, length=length, temperature=temperature, top_k=top_k, seed=seed
    )
    return prompt + tokenizer.separator + tokenizer.text(new) if new else prompt


def generate_ids(
    task: SupervisedTask,
    prompt: list[int],
    *,
    context: int,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int,
) -> list[int]:
    """Return the token ids that the model adds to a prompt; it sees the last `context` tokens."""
    device = next(task.parameters()).device
    random = generator(seed, "generate")
    ids = list(prompt)
    was_training = task.training
    task.eval()
    with torch.inference_mode():
        for _ in range(length):
            window = torch.tensor([ids[-context:]], device=device)  # (1, T)
            logits = task.model(window)[0, -1].double().cpu()  # (1, T, V) -> (V,)
            ids.append(_sample(logits, temperature=temperature, top_k=top_k, random=random))
    task.train(was_training)
    return ids[len(prompt) :]


def _sample(logits: Tensor, *, temperature: float, top_k: int | None, random: torch.Generator) -> int:
    """Sample a token id from logits, (V,); never padding or the unknown token."""
    logits = logits.clone()
    logits[: UNKNOWN + 1] = -torch.inf
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    return int(torch.multinomial((logits / temperature).softmax(dim=0), 1, generator=random))
