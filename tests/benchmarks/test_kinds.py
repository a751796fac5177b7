"""`python -m benchmarks.kinds`: reading the sets of other packages, one line, and one small run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import kinds


def test_tables_of_orange_become_csv_files(tmp_path: Path) -> None:
    for part, text in (("train", "fine day"), ("test", "bad, day")):
        rows = f"Category\tText\nd\tstring\nclass\t\na\t{text}\nb\t \n"
        (tmp_path / f"news-{part}.tab").write_text(rows)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    chosen = kinds.texts(tmp_path / "news-train.tab", scratch)
    assert chosen == kinds.Set(
        "news", ("dataset=text", f"dataset.path={scratch}/news/train.csv", f"dataset.test={scratch}/news/test.csv"),
        "accuracy",
    )  # fmt: skip
    assert (scratch / "news" / "test.csv").read_text() == 'label,text\na,"bad, day"\n'


def test_files_of_recbole_become_csv_files(tmp_path: Path) -> None:
    (tmp_path / "ml.inter").write_text("user_id:token\titem_id:token\trating:float\ttime:float\n1\t2\t3.5\t99\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert kinds.ratings(tmp_path / "ml.inter", scratch).words[1] == f"dataset.path={scratch}/ml.csv"
    assert (scratch / "ml.csv").read_text() == "user,item,rating\n1,2,3.5\n"


def test_a_line_has_the_mean_of_the_runs_and_each_score() -> None:
    runs = [{"score": score, "baselines": {"biases": 0.5}, "seconds": 2.0} for score in (0.25, 0.75)]
    assert kinds.line(kinds.SHIPPED[2], runs).split() == [
        "ratings", "rmse", "0.5000", "biases", "0.5000", "2", "s", "(0.2500", "0.7500)",
    ]  # fmt: skip


def test_a_set_is_trained_and_an_error_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = kinds.train(kinds.SHIPPED[2], 0, 1, ["trainer.epochs=2", "device=cpu"], tmp_path / "run")
    assert found["score"] > 0
    assert set(found["baselines"]) == {"biases"}
    with pytest.raises(SystemExit, match=r"(?s)ratings: .*model\.factos"):
        kinds.train(kinds.SHIPPED[2], 0, 1, ["model.factos=2"], tmp_path / "other")
