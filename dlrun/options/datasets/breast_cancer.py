"""Breast cancer: 569 tumours, measured in images of cell nuclei, malignant or benign."""

from __future__ import annotations

from typing import Literal

import torch

from dlrun.data.files.bundled import named_originals, read_table
from dlrun.data.source import Rows, Source

_NUM_MEANS = 10  # the columns are ten means, then their ten standard errors, then the ten worst values


def breast_cancer(*, features: Literal["all", "mean"]) -> Source:
    """569 tumours: measurements of their cell nuclei, (30,) or (10,), malignant (0) or benign (1).

    features: "all" 30, or "mean" for the ten means without their errors and worst values.

    Source: Wolberg, Street and Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI Machine Learning Repository 1993.
    """
    table = torch.from_numpy(read_table("breast_cancer"))
    inputs, diagnoses = table[:, :30].to(torch.float32), table[:, 30].to(torch.int64)  # (N, 31) -> (N, 30), (N,)
    if features == "mean":
        inputs = inputs[:, :_NUM_MEANS]  # (N, 30) -> (N, 10)
    return Source(
        "dense",
        "binary",
        Rows(inputs.contiguous(), diagnoses),
        class_names=("malignant", "benign"),
        originals=named_originals("breast_cancer"),
    )
