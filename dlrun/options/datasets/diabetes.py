"""Diabetes: 442 patients, and the progression of the disease after a year."""

from __future__ import annotations

import torch

from dlrun.data.files.bundled import named_originals, read_table
from dlrun.data.source import Rows, Source


def diabetes() -> Source:
    """442 patients: age, sex, body mass index, blood pressure and six blood values, (10,), unscaled.

    The number to predict is the progression of the disease one year later, from 25 to 346.

    Source: Efron, Hastie, Johnstone and Tibshirani, Least angle regression, Annals of Statistics 2004.
    """
    table = torch.from_numpy(read_table("diabetes")).to(torch.float32)
    return Source(
        "dense",
        "regression",
        Rows(table[:, :10].contiguous(), table[:, 10]),
        originals=named_originals("diabetes"),
    )  # (N, 11) -> (N, 10), (N,)
