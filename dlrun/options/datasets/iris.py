"""Iris: 150 flowers of three species, four measurements each."""

from __future__ import annotations

import torch

from dlrun.data.files.bundled import named_originals, read_table
from dlrun.data.source import Rows, Source


def iris() -> Source:
    """150 flowers: length and width of sepal and petal in cm, (4,), three species.

    Source: Fisher, The use of multiple measurements in taxonomic problems, Annals of Eugenics 1936.
    """
    table = torch.from_numpy(read_table("iris"))
    inputs, species = table[:, :4].to(torch.float32), table[:, 4].to(torch.int64)  # (N, 5) -> (N, 4), (N,)
    return Source(
        "dense",
        "multiclass",
        Rows(inputs, species),
        class_names=("setosa", "versicolor", "virginica"),
        originals=named_originals("iris"),
    )
