"""What the tabular model begins with: linear and additive models in closed form, weighted by cross-validation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.baselines.baseline import gathered, sample
from dlrun.baselines.features import Features
from dlrun.baselines.linear import logistic_model, ridge_model, rows_for_logistic, rows_for_ridge
from dlrun.data.loading.randomness import generator
from dlrun.data.loading.split import MemorySplit, Split
from dlrun.data.spec import DataSpec
from dlrun.options.models._ramps import FINE, Part, Ramps, code_columns, forms_for
from dlrun.tasks.goals import goal_of, num_logits

_FOLDS = 5
_FEWEST_ROWS, _MOST_ROWS = 50, 4000  # that forms are compared on
_MOST_COLUMNS, _MOST_OUTPUTS = 600, 32  # beyond which there is the linear form alone
_LEAST_SHARE = 0.02  # of a form that takes part
_LOWEST_LOGIT = -10.0  # of a class that no row has
_BLOCK_ROWS = 65_536

Form = tuple[Part, ...]
"""The ramps that a linear model gets beside the features; the empty form is the linear model alone."""


class ClosedForm(nn.Module):
    """Linear in all features plus a function of each number, (B, F) -> (B, K); training leaves it as it is.

    additive: whether functions of numbers are fitted, where there are not too many numbers or outputs.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, spec: DataSpec, *, additive: bool) -> None:
        super().__init__()
        self._spec = spec
        self._features = Features(spec)
        outputs, numbers = num_logits(spec), spec.num_numbers
        self.register_buffer("weight", torch.zeros(self._features.width, outputs))
        self.register_buffer("bias", torch.zeros(outputs))
        fits = 0 < numbers * (FINE[1] - FINE[0]) <= _MOST_COLUMNS and outputs <= _MOST_OUTPUTS
        self.ramps = Ramps(numbers, outputs) if additive and fits else None

    def forward(self, inputs: Tensor) -> Tensor:
        out = self._features.encoded(inputs) @ self.weight + self.bias
        return out if self.ramps is None else out + self.ramps(inputs[:, : self._spec.num_numbers])

    def fit_to(self, train: Split, numbers: Tensor) -> None:
        """Fit it on the training rows, or a sample of them; it stays 0 where there are too many features.

        numbers: (N, n), those of all training rows or a sample, where functions have their knots.
        """
        device = self.weight.device
        self.cpu()  # where rows are gathered, and closed forms need float64
        shares: Mapping[Form, float] = {(): 1.0}
        if self.ramps is not None:
            codes = code_columns(numbers, self._spec.scaling)
            self.ramps.place(numbers, codes)
            if len(train) >= _FEWEST_ROWS:
                shares = self._shares([(), *forms_for(numbers.shape[1], codes)], train)
        for form, share in shares.items():
            self._add(form, share, train)
        self.to(device)

    def _shares(self, forms: Sequence[Form], train: Split) -> Mapping[Form, float]:
        """Return how much each form counts, 1 together: in proportion to exp(-t^2 / 2), where t is its loss above the
        best one's in standard errors of the difference, on rows left out of the fit (five folds).
        """
        index = sample(len(train), _MOST_ROWS, seed=0)
        folds = torch.randperm(len(index), generator=generator(0, "folds")) % _FOLDS
        losses: dict[Form, Tensor] = {}
        for form in forms:
            found = self._left_out(self._rows(train, index, form), folds)
            if found is not None:
                losses[form] = found
        if not losses:
            return {(): 1.0}
        best = min(losses.values(), key=lambda each: float(each.mean()))
        weights = {form: math.exp(-(_standard_errors(found - best) ** 2) / 2) for form, found in losses.items()}
        least = _LEAST_SHARE * sum(weights.values())
        weights = {form: weight for form, weight in weights.items() if weight >= least}
        return {form: weight / sum(weights.values()) for form, weight in weights.items()}

    def _left_out(self, rows: MemorySplit, folds: Tensor) -> Tensor | None:
        """Return each row's loss by the model of the other folds, (N,), or None if there are too many columns."""
        losses = torch.zeros(len(folds), dtype=torch.float64)
        for fold in range(_FOLDS):
            kept, out = folds != fold, folds == fold
            weights = None if rows.weights is None else rows.weights[kept]
            found = self._fitted(MemorySplit(rows.inputs[kept], rows.targets[kept], weights=weights))
            if found is None:
                return None
            losses[out] = _losses(self._spec, rows.inputs[out].double() @ found[0] + found[1], rows.targets[out])
        return losses if rows.weights is None else losses * rows.weights

    def _add(self, form: Form, share: float, train: Split) -> None:
        """Add `share` times the model of this form, fitted on as many training rows as its columns allow."""
        width = self._rows(train, torch.zeros(1, dtype=torch.int64), form).inputs.shape[1]
        if goal_of(self._spec).predicts_numbers:
            most = rows_for_ridge(max(1, width))
        else:
            most = rows_for_logistic(max(1, width), self._spec.num_outputs)
        if most < min(len(train), _FEWEST_ROWS):
            return
        found = self._fitted(self._rows(train, sample(len(train), most, seed=0), form))
        if found is None:
            return
        weight, bias = (share * each for each in found)
        first = len(self.weight)
        self.weight += weight[:first].to(self.weight)
        self.bias += bias.to(self.bias)
        if self.ramps is not None:
            for part in form:
                last = first + self.ramps.num_columns(part)
                self.bias += self.ramps.add(part, weight[first:last]).to(self.bias)
                first = last

    def _rows(self, train: Split, index: Tensor, form: Form) -> MemorySplit:
        """Return rows of the training split with the columns of a form, (N, features + columns)."""
        inputs = gathered(train, index, _BLOCK_ROWS)
        numbers = inputs[:, : self._spec.num_numbers]
        columns = [self._features.encoded(inputs)]
        columns += [self.ramps.columns(numbers, part) for part in form] if self.ramps is not None else []
        weights = None if train.weights is None else train.weights.cpu()[index]
        return MemorySplit(torch.cat(columns, dim=1), train.targets.cpu()[index], weights=weights)

    def _fitted(self, rows: MemorySplit) -> tuple[Tensor, Tensor] | None:
        """Return weights, (columns, K), and bias, (K,), of ridge or logistic regression on all columns; or None."""
        width = rows.inputs.shape[1]
        spec = dataclasses.replace(self._spec, shape=(width,), numbers=width, categories=())
        classes = not goal_of(spec).predicts_numbers
        fit = logistic_model if classes else ridge_model
        model = fit(spec, rows, most_rows=len(rows), seed=0, check=lambda: None)
        if model is None:
            return None
        weight, bias = model.affine()
        return weight, bias.clamp(min=_LOWEST_LOGIT) if classes else bias


def _losses(spec: DataSpec, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each row, (N, K) and its targets -> (N,) float64."""
    if goal_of(spec).predicts_numbers:
        return (outputs - targets).square().mean(dim=1)
    if num_logits(spec) == 1:
        return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.double(), reduction="none")
    return F.cross_entropy(outputs, targets, reduction="none")


def _standard_errors(differences: Tensor) -> float:
    """Return the mean of differences, (N,), in units of its standard error; 0 if all are equal."""
    error = float(differences.std()) / math.sqrt(len(differences))
    return float(differences.mean()) / error if error else 0.0
