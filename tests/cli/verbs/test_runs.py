"""`dlrun runs`: a table of runs, best first."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]
ShortRun = Callable[..., Path]


def test_runs_lists_best_first(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/slow", "optimizer.lr=1e-7")
    short_run("outputs/fast", "optimizer.lr=0.1")
    code, out, _ = dlrun("runs")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["run", "outputs/fast", "outputs/slow"]
    assert "One seed each: how far seeds spread is unknown" in out
    _, out, _ = dlrun("runs", "--sort", "test/loss", "--json")
    losses = [run["metrics"]["test/loss"] for run in json.loads(out)]
    assert losses == sorted(losses)


def test_a_metric_that_no_run_has_is_an_error(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a")
    code, _, err = dlrun("runs", "--sort", "test/los")
    assert code == 2
    assert 'No run here has this metric. Did you mean "test/loss"?' in err


def test_a_folder_without_runs_says_so(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "outputs").mkdir()
    assert dlrun("runs")[1] == "There are no runs in outputs.\n"


def test_a_run_without_a_result_is_unfinished(short_run: ShortRun, dlrun: Dlrun) -> None:
    folder = short_run("outputs/a")
    (folder / "result.json").unlink()
    _, out, _ = dlrun("runs")
    assert "unfinished" in out


def test_a_folder_that_does_not_exist_is_an_error(dlrun: Dlrun) -> None:
    code, _, err = dlrun("runs", "nowhere")
    assert code == 2
    assert "nowhere\n      There is no such folder." in err


def test_a_file_in_place_of_the_folder_is_an_error(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "outputs").touch()
    code, _, err = dlrun("runs")
    assert code == 2
    assert "outputs\n      Expected a folder with runs, got a file." in err


def test_seeds_are_one_row_unless_the_user_wants_each(short_run: ShortRun, dlrun: Dlrun) -> None:
    for seed in (0, 1, 2):
        short_run(f"outputs/{seed}", f"seed={seed}")
    lines = dlrun("runs")[1].splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("outputs/{0..2}")
    assert len(dlrun("runs", "--group", "none")[1].splitlines()) == 4
    assert len(json.loads(dlrun("runs", "--json")[1])) == 3
    (row,) = json.loads(dlrun("runs", "--group", "seed", "--json")[1])
    assert row["metrics"]["val/accuracy"]["count"] == 3


def test_runs_are_chosen_grouped_and_written_as_csv(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a", "optimizer.lr=0.1")
    short_run("outputs/b", "optimizer.lr=0.2")
    short_run("outputs/c", "optimizer.lr=0.2", "model=mlp")
    out = dlrun("runs", "--filter", "optimizer.lr=2e-1", "--filter=model=mlp", "--csv")[1]
    heads, row = (line.split(",") for line in out.splitlines())
    assert (heads[0], row[0], row[-1]) == ("run", "outputs/c", "completed")
    code, out, _ = dlrun("runs", "--filter", "optimizer.lr=3")
    assert (code, out) == (0, "No run in outputs has optimizer.lr=3. optimizer.lr is 0.1, 0.2 here.\n")
    assert json.loads(dlrun("runs", "--filter", "optimizer.lr=3", "--json")[1]) == []
    assert "outputs/{a,b}" in dlrun("runs", "--group", "optimizer.lr")[1]


def test_wrong_filters_and_groups_are_told_with_the_nearest_name(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a")
    for words, told in (
        (("--filter", "modle=mlp"), 'No run here has this setting. Did you mean "model"?'),
        (("--group", "sede"), 'No run here has this setting. Did you mean "seed"?'),
        (("--group", "none", "--group", "seed"), "It cannot be combined with another --group: it groups nothing."),
        (("--filter", "model"), "Expected KEY=VALUE, such as model=mlp or optimizer.lr=0.01."),
        (("--json", "--csv"), "It cannot be combined with --json."),
    ):
        code, _, err = dlrun("runs", *words)
        assert code == 2
        assert told in err


def test_a_broken_run_is_a_notice_and_not_the_end(short_run: ShortRun, dlrun: Dlrun) -> None:
    short_run("outputs/a")
    (short_run("outputs/b") / "config.yaml").write_text("{")
    code, out, err = dlrun("runs")
    assert code == 0
    assert out.splitlines()[1].startswith("outputs/a")
    assert "notice: left out: outputs/b/config.yaml" in err


def test_a_thousand_runs_are_listed_in_seconds(short_run: ShortRun, dlrun: Dlrun, own_folder: Path) -> None:
    run = short_run("one")
    config, result = ((run / name).read_text() for name in ("config.yaml", "result.json"))
    for number in range(1000):
        folder = own_folder / "outputs" / str(number)
        folder.mkdir(parents=True)
        (folder / ".lock").touch()
        (folder / "config.yaml").write_text(config.replace("lr: 0.001", f"lr: {number / 5000}"))
        (folder / "result.json").write_text(result)
    start = time.process_time()
    _, out, _ = dlrun("runs")
    assert time.process_time() - start < 4  # 1.4 alone; other tests run beside
    assert len([line for line in out.splitlines() if line.startswith("outputs/")]) == 1000
