"""The last part of a graph: from a model's outputs to classes with probabilities, and to numbers in their own units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dlrun.data.goals import has_classes, has_one_logit, has_tokens, mixes_kinds
from dlrun.data.spec import DataSpec, Scaling
from dlrun.runs.export.values import BATCH, TIME, Value
from dlrun.tasks.goals import SeveralGoal, goal_of
from dlrun.tasks.parts import labels_of, part_specs


class Postprocessor(nn.Module):
    """A model's outputs to predictions. values: the graph's outputs, in order. keeps: whether outputs stay as they are.

    Each value has a `role`: class, probabilities, numbers, logits or images; `target` is its column's name, where a
    run has several targets.
    """

    values: tuple[Value, ...] = ()
    keeps = False

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """Return one tensor for each of `values`."""
        raise NotImplementedError


class ClassesPostprocessor(Postprocessor):
    """The likeliest class of each row and the probability of each, (B, K), or for two classes (B, 1)."""

    def __init__(self, spec: DataSpec, *, label: str = "", target: str | None = None) -> None:
        super().__init__()
        names = list(spec.class_names)
        self._is_binary = has_one_logit(spec.goal)
        details = {"classes": names, "target": target}
        self.values = (
            Value(
                f"class{label}",
                "int64",
                (BATCH,),
                "the number of the likeliest class, from 0",
                details={"role": "class", **details},
            ),
            Value(
                f"probabilities{label}",
                "float32",
                (BATCH, len(names)),
                "the probability of each class",
                details={"role": "probabilities", **details},
            ),
        )

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        if self._is_binary:
            logit = outputs[:, 0]  # (B, 1) -> (B,)
            probabilities = torch.stack([torch.sigmoid(-logit), torch.sigmoid(logit)], dim=1)  # -> (B, 2)
            return (logit > 0).to(torch.int64), probabilities
        return outputs.argmax(dim=1), outputs.softmax(dim=1)  # (B, K) -> (B,), (B, K)


class NumbersPostprocessor(Postprocessor):
    """Numbers in the targets' own units, (B, K)."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: DataSpec, *, label: str = "", target: str | None = None) -> None:
        super().__init__()
        count = spec.num_outputs
        names = [target] if target is not None else ["prediction"]
        if count > 1:
            names = list(spec.class_names) or [f"prediction_{i + 1}" for i in range(count)]
        self.keeps = spec.target_mean == 0.0 and spec.target_std == 1.0
        self.register_buffer("mean", torch.tensor(spec.target_mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(spec.target_std, dtype=torch.float32))
        details = {"role": "numbers", "names": names, "target": target}
        meaning = "numbers in the targets' own units"
        self.values = (Value(f"prediction{label}", "float32", (BATCH, count), meaning, details=details),)

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        return (outputs if self.keeps else outputs * self.std + self.mean,)


class LogitsPostprocessor(Postprocessor):
    """The logits of each next token, (B, T, V): their softmax is a probability, at any temperature."""

    keeps = True

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        meaning = "of each token that may come next, after every step; probabilities are their softmax"
        longest = spec.shape[0] if spec.shape[0] > 1 else None
        shape = (BATCH, 1 if longest is None else TIME, spec.num_outputs)
        self.values = (Value("logits", "float32", shape, meaning, longest, {"role": "logits"}),)

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        return (outputs,)


class SeveralPostprocessor(Postprocessor):
    """Targets of different kinds: the outputs of each, named after it."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self._slices = SeveralGoal().slices(spec)
        parts = zip(spec.parts, part_specs(spec), labels_of(spec.parts), strict=True)
        self.parts = nn.ModuleList(
            (ClassesPostprocessor if has_classes(part.goal) else NumbersPostprocessor)(
                of_part, label=f"_{label}", target=part.name
            )
            for part, of_part, label in parts
        )
        self.values = tuple(value for part in self.parts for value in part.values)  # type: ignore[union-attr]

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        found: list[Tensor] = []
        for part, place in zip(self.parts, self._slices, strict=True):
            found.extend(part(outputs[:, place]))
        return tuple(found)


class ImagesPostprocessor(Postprocessor):
    """Generated images, from -1 to 1, in the range of the data's pixels."""

    def __init__(self, spec: DataSpec, scaling: Scaling) -> None:
        super().__init__()
        low, high = scaling.low, scaling.high
        self._half, self._low = ((high - low) or 1.0) / 2, low
        meaning = f"pixels from {low:g} to {high:g}, channels first"
        details = {"role": "images", "range": [low, high]}
        self.values = (Value("images", "float32", (BATCH, *spec.shape), meaning, details=details),)

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        return ((outputs + 1) * self._half + self._low,)


def postprocessor_of(spec: DataSpec) -> Postprocessor:
    """Return the last part of a supervised model's graph."""
    if has_tokens(spec.goal):
        return LogitsPostprocessor(spec)
    if mixes_kinds(spec.goal):
        return SeveralPostprocessor(spec)
    return NumbersPostprocessor(spec) if goal_of(spec).predicts_numbers else ClassesPostprocessor(spec)
