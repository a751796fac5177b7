"""Handwritten digits, 8x8 pixels: the UCI test set that scikit-learn includes, 1,797 images."""

from __future__ import annotations

import numpy as np
import torch

from dlrun.data.files.bundled import read_table
from dlrun.data.source import Rows, Source


def digits() -> Source:
    """1,797 images of handwritten digits, (1, 8, 8) with values 0..16, ten classes.

    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository 1998.
    """
    table = read_table("digits")
    images = torch.from_numpy(table[:, :64].astype(np.uint8)).reshape(-1, 1, 8, 8)  # (N, 64) -> (N, 1, 8, 8)
    labels = torch.from_numpy(table[:, 64].astype(np.int64))
    return Source("image", "multiclass", Rows(images, labels), value_range=(0.0, 16.0))
