"""Wine: 178 chemical analyses of wines from three cultivars."""

from __future__ import annotations

import torch

from dlrun.data.files.bundled import named_originals, read_table
from dlrun.data.source import Rows, Source


def wine() -> Source:
    """178 wines of one region: 13 results of a chemical analysis, (13,), three cultivars.

    Source: Aeberhard and Forina, Wine, UCI Machine Learning Repository 1991.
    """
    table = torch.from_numpy(read_table("wine"))
    inputs, cultivars = table[:, :13].to(torch.float32), table[:, 13].to(torch.int64)  # (N, 14) -> (N, 13), (N,)
    names = ("cultivar 1", "cultivar 2", "cultivar 3")
    return Source("dense", "multiclass", Rows(inputs, cultivars), class_names=names, originals=named_originals("wine"))
