"""Labels that are too long for their place."""

from __future__ import annotations

from dlrun.report.plots.scene import Label, Scene, shortened


def test_a_text_is_cut_at_its_end_at_its_start_or_in_its_middle() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("trainer.early_stop.patience", 10, keeps="end") == "….patience"
    assert shortened("product line 007", 8, keeps="both") == "prod…007"
    assert shortened("abcdef", 3, keeps="both") == "a…f"
    assert shortened("日本語", 6) == "日本語"  # of the width of two letters each
    assert shortened("日本語", 5) == "日本…"
    assert shortened("日本語", 4, keeps="end") == "…語"
    assert shortened("日本語", 5, keeps="both") == "日…語"


def test_a_cut_label_keeps_the_whole_text() -> None:
    scene = Scene("a", "A", 10, 10)
    scene.label(1, 2, "abcdef", most=4)
    scene.label(1, 2, "abc", most=4)
    assert [(mark.text, mark.whole) for mark in scene.marks if isinstance(mark, Label)] == [
        ("abc…", "abcdef"),
        ("abc", ""),
    ]
