"""More parameters than the data can bear, and nothing against overfitting."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from dlrun.data.loading.augment import is_active
from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

GENERATED = ("line", "random_images")
"""Datasets without validation rows that are no mistake: more can be drawn, or nothing but memory is trained."""

_TIMES = 10  # as many parameters as answers to learn
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout)


def _check(subject: Subject) -> Iterator[Problem]:
    task, data = subject.supervised, subject.data
    if task is None or data.val is not None or data.name in GENERATED:
        return  # validation rows select the epoch before overfitting
    answers = data.train.targets.numel()
    if subject.components.num_parameters <= _TIMES * answers or is_held_back(subject):
        return
    what = (
        f"The model has {plural(subject.components.num_parameters, 'parameter')} for {plural(answers, 'answer')} to "
        "learn, and neither weight decay, dropout, augmentation nor validation rows, which select the epoch before it "
        "learns them by heart."
    )
    yield Problem(f"model={subject.config.model.name}", what, fix=holding_out(subject))


def holding_out(subject: Subject) -> str | None:
    """Return the override by which a run without validation rows has some; None for too few rows."""
    rows = max(subject.spec.class_counts or (len(subject.data.train),))  # each class is split on its own
    now = subject.config.dataset_settings.val_fraction
    share = next((share for share in _SHARES if share > now and round(rows * share)), None)
    return None if share is None else f"dataset.val_fraction={share:g}"


def is_held_back(subject: Subject) -> bool:
    """Return whether weight decay, dropout or augmentation keeps a model from learning its rows by heart."""
    task = subject.task
    if subject.value("optimizer.weight_decay") or is_active(subject.config.dataset_settings.augment):
        return True
    rates = [module.p for module in task.modules() if isinstance(module, _DROPOUT)]
    rates += [float(module.dropout) for module in task.modules() if isinstance(module, nn.RNNBase)]
    return any(rates)


RULE = Rule(
    "too-many-parameters",
    "A model that can store every answer does so, and then knows little about new rows.",
    _check,
)
