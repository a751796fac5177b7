"""The names of metrics and which way is better; apart from their computation, so that tables need no torch."""

from __future__ import annotations

from collections.abc import Mapping

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "loss": False,
    "perplexity": False,
    "accuracy": True,
    "macro_f1": True,
    "auroc": True,
    "rmse": False,
    "mae": False,
    "r2": True,
    "frechet_distance": False,
    "confidence": True,
    "real_confidence": True,
    "classes": True,
    "generator_loss": False,
    "discriminator_loss": False,
}

METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "multiclass": ("accuracy", "macro_f1", "loss"),
    "binary": ("accuracy", "auroc", "macro_f1", "loss"),
    "regression": ("rmse", "mae", "r2", "loss"),
    "language": ("perplexity", "accuracy", "loss"),
}
