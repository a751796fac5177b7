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
    """The prompt and what the model goes on with: the same text whenever the arguments are the same.

    length: tokens to add, from 0 up. temperature: above 0; below 1 likelier tokens become likelier still, and 0 always
    takes the likeliest. top_k: draw among so many likeliest tokens only; None among all.
    Raises ConfigError for a prompt with nothing in it.
    """
    tokenizer = encoder.tokenizer
    ids = tokenizer.ids(prompt)
    if not ids:
        raise ConfigError(Problem("--prompt", "Expected a text to go on with, got one without any token."))
    new = generate(task, ids, context=encoder.context, length=length, temperature=temperature, top_k=top_k, seed=seed)
    return prompt + tokenizer.separator + tokenizer.text(new) if new else prompt


def generate(
    task: SupervisedTask,
    prompt: list[int],
    *,
    context: int,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int,
) -> list[int]:
    """The ids that a model goes on with; it looks back on the last `context` of them."""
    device = next(task.parameters()).device
    random = generator(seed, "generate")
    ids = list(prompt)
    was_training = task.training
    task.eval()
    with torch.inference_mode():
        for _ in range(length):
            window = torch.tensor([ids[-context:]], device=device)  # (1, T)
            logits = task.model(window)[0, -1].double().cpu()  # (1, T, V) -> (V,)
            ids.append(_draw(logits, temperature=temperature, top_k=top_k, random=random))
    task.train(was_training)
    return ids[len(prompt) :]


def _draw(logits: Tensor, *, temperature: float, top_k: int | None, random: torch.Generator) -> int:
    """A token drawn from logits, (V,); never padding or an unknown one."""
    logits = logits.clone()
    logits[: UNKNOWN + 1] = -torch.inf
    if temperature == 0:
        return int(logits.argmax())
    if top_k is not None and top_k < len(logits):
        logits[logits < logits.topk(top_k).values[-1]] = -torch.inf
    return int(torch.multinomial((logits / temperature).softmax(dim=0), 1, generator=random))
