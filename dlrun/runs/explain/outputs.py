"""The one number of a prediction that is explained: log-odds of a class, or a number in its own unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.goals import has_classes, has_one_logit
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.runs.loaded_run import LoadedRun, target_names
from dlrun.tasks.goals import SeveralGoal, goal_of
from dlrun.tasks.parts import part_specs
from dlrun.wording import printable

Pick = Callable[[Tensor], Tensor]
"""From the model's outputs, (B, K), to the number that is explained, (B,)."""


@dataclass(frozen=True)
class Question:
    """What the user asked to explain. target: one of several; None: the first. class_name: None: the predicted one."""

    target: str | None = None
    class_name: str | None = None


@dataclass(frozen=True)
class Answer:
    """name: of the number, in words. pick: takes it from the model's outputs."""

    name: str
    pick: Pick


def answer_of(run: LoadedRun, question: Question, outputs: Tensor) -> Answer:
    """Return what is explained of one row. outputs: the model's for it, (1, K), which decide the class.

    Raises ConfigError for a target or a class that this run does not predict.
    """
    spec, names = run.spec, target_names(run)
    number = _place(question.target, names, flag="--target", what="target")
    goal = goal_of(spec)
    if isinstance(goal, SeveralGoal):
        own, place = part_specs(spec)[number], goal.slices(spec)[number]
        found = _answer(own, 0, names[number], question, outputs[:, place])
        label = f"{names[number]}: {found.name}" if has_classes(own.goal) else found.name
        return Answer(label, lambda every: found.pick(every[:, place]))
    return _answer(spec, number, names[number], question, outputs)


def _place(wanted: str | None, names: Sequence[str], *, flag: str, what: str) -> int:
    if wanted is None:
        return 0
    if wanted not in names:
        near = did_you_mean(wanted, names)
        raise ConfigError(Problem(f"{flag} {printable(wanted)}", f"This run has no such {what}. {near}".rstrip()))
    return list(names).index(wanted)


def _answer(spec: DataSpec, number: int, name: str, question: Question, outputs: Tensor) -> Answer:
    if not has_classes(spec.goal):
        if question.class_name is not None:
            what = f'"{printable(name)}" is a number and has no classes; --target chooses between several numbers.'
            raise ConfigError(Problem(f"--class {printable(question.class_name)}", what))
        return Answer(name, lambda every: spec.target_scaling.raw(every)[:, number])  # (B, K) -> (B,)
    names = spec.class_names or tuple(map(str, range(spec.num_outputs)))
    is_binary = has_one_logit(spec.goal)
    predicted = int(outputs[0, 0] > 0) if is_binary else int(outputs[0].argmax())
    chosen = predicted
    if question.class_name is not None:
        chosen = _place(question.class_name, names, flag="--class", what="class")
    label = f'log-odds of "{names[chosen]}"'
    if is_binary:
        sign = 1.0 if chosen == 1 else -1.0
        return Answer(label, lambda every: sign * every[:, 0].double())  # (B, 1) -> (B,)
    return Answer(label, lambda every: _log_odds(every.double(), chosen))


def _log_odds(logits: Tensor, chosen: int) -> Tensor:
    """The logarithm of p / (1 - p) of a class, (B, K) -> (B,): what the one logit of two classes is."""
    others = torch.cat([logits[:, :chosen], logits[:, chosen + 1 :]], dim=1)  # (B, K) -> (B, K - 1)
    return logits[:, chosen] - others.logsumexp(dim=1)
