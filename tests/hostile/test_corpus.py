"""Every hostile file under an audit hook: nothing runs, nothing leaves the folder, mistakes are told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import big_files, jobs
from tests.hostile.corpus import HERE, Expected, files_of, make_jail, read_index, run_watched, wrongs_of

KINDS = ("recipes", "data", "runs")
Results = list[dict[str, Any]]


def expected_of(kind: str) -> dict[str, Expected]:
    """Return the expectations of a kind by file."""
    return {each.file: each for each in read_index(kind)}


def unexpected(kind: str, results: Results) -> Iterator[str]:
    """Yield what is not as the index says, and what must never be."""
    expected = expected_of(kind)
    for result in results:
        name, said = result["name"], " ".join(result["err"].split())
        for wrong in wrongs_of(result):
            yield f"{result['argv']}: {wrong}"
        if name not in expected or expected[name].pending is not None:
            continue
        if result["code"] != expected[name].code:
            yield f"{result['argv']}: exit code {result['code']}, expected {expected[name].code}: {said[-300:]}"
        elif expected[name].fragment not in ("-", said) and " ".join(expected[name].fragment.split()) not in said:
            yield f"{result['argv']}: expected {expected[name].fragment!r} in {said[-300:]}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_index_lists_every_file_once(kind: str) -> None:
    assert sorted(each.file for each in read_index(kind)) == files_of(kind)


def test_the_corpus_is_large() -> None:
    assert sum(len(files_of(kind)) for kind in KINDS) >= 200
    files = [path for kind in KINDS for path in (HERE / kind).rglob("*")]
    assert all(path.stat().st_size < 1 << 19 for path in files)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What became of every hostile recipe with every command."""
    jail = make_jail(tmp_path_factory.mktemp("recipes"))
    return run_watched(jail, jobs.refused_recipe_jobs(jail))


def test_hostile_recipes_are_refused_before_torch_is_imported(refused: dict[str, Any]) -> None:
    results = refused["results"]
    assert list(unexpected("recipes", results)) == []
    assert refused["strangers"] == []
    assert [each["argv"] for each in results if "torch" in each["loaded"]][:3] == []
    assert [each["argv"] for each in results if each["seconds"] > 0.5] == []


def test_a_refusal_names_the_file_and_the_line_or_the_key(refused: dict[str, Any]) -> None:
    told = [each["err"] for each in refused["results"] if each["argv"][0] == "show" and each["code"] == 2]
    place = re.compile(r"\.yaml:\d+: |\.yaml: \S.*\n|^  \S+\n|not UTF-8|expected a mapping", re.MULTILINE)
    assert [text for text in told if not place.search(text)] == []
    assert len(told) > 300


def test_harmless_recipes_are_trained(tmp_path: Path) -> None:
    jail = make_jail(tmp_path)
    found = run_watched(jail, jobs.accepted_recipe_jobs(jail))
    expected = expected_of("recipes")
    assert [wrong for each in found["results"] for wrong in wrongs_of(each)] == []
    assert {each["name"]: each["code"] for each in found["results"]} == {
        each.file: each.code for each in expected.values() if each.code != 2
    }
    assert found["strangers"] == []


def test_hostile_data_is_told_in_words_or_trained_on(tmp_path: Path) -> None:
    jail = make_jail(tmp_path)
    found = run_watched(jail, jobs.data_jobs(jail))
    assert list(unexpected("data", found["results"])) == []
    assert found["strangers"] == []


def check_runs(tmp_path: Path, *, verbs: tuple[str, ...] | None) -> None:
    """Do with every hostile run what a user does with a run; only with some verbs, or with all."""
    jail = make_jail(tmp_path)
    assert run_watched(jail, [jobs.base_run_job()])["results"][0]["code"] == 0
    wanted = [job for job in jobs.run_jobs(jail) if verbs is None or job["argv"][0] in verbs]
    found = run_watched(jail, wanted)
    assert list(unexpected("runs", found["results"])) == []
    assert found["strangers"] == []
    for folder in jail.glob("runs_*"):
        assert (folder / "victim" / "documents" / "letter.txt").read_text() == "mine", folder
        assert [path.name for path in (folder / "victim").iterdir()] == ["documents"]
        assert (folder / "secret.csv").read_text() == "mine", folder


def test_hostile_runs_do_no_harm(tmp_path: Path) -> None:
    check_runs(tmp_path, verbs=("eval", "runs"))


@pytest.mark.long
def test_hostile_runs_do_no_harm_with_any_command(tmp_path: Path) -> None:
    check_runs(tmp_path, verbs=None)


@pytest.mark.long
def test_large_hostile_files_end_soon(tmp_path: Path) -> None:
    jail = make_jail(tmp_path)
    results = run_watched(jail, big_files.write_all(jail))["results"]
    assert [wrong for each in results for wrong in wrongs_of(each)] == []
    codes = {name: each.code for name, each in big_files.FILES.items()}
    assert {each["name"]: each["code"] for each in results} == codes
    assert [(each["name"], each["seconds"]) for each in results if each["seconds"] > 30] == []
