"""Numbers as people read them."""

from __future__ import annotations


def number(value: float | None) -> str:
    """A metric: 0.9833, 12.41, 1.2e-05."""
    if value is None:
        return "-"
    if value != value:
        return "nan"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.4f}" if 1e-3 <= abs(value) < 100 else f"{value:.4g}"


def count(value: float) -> str:
    """A whole number with thousands apart: 60,000."""
    return f"{value:,.0f}"


def plural(value: float, noun: str) -> str:
    """A number with its noun: 1 epoch, 2 epochs."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time: 0.8 s, 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
