"""`dlrun.configuration.recipes.sources.git` with repositories on this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import git, store
from dlrun.configuration.recipes.sources.git import Reference, beside, is_plain_path, parse, read_file, repository_of
from dlrun.errors import ConfigError, DataError, Problem, StorageError

Commit = Callable[[dict[str, str]], tuple[str, str]]
ZEROS = "0" * 40
TEXT = "seed: 1\n"


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "recipe=x")
    (problem,) = caught.value.problems
    assert problem.where == "recipe=x"
    return problem.message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"git+https://h.org/a/b@{ZEROS}:r/x.yaml", ("https://h.org/a/b", ZEROS, "r/x.yaml")),
        (f"git+https://h.org:8443/b.git@{'A' * 64}:x.yaml", ("https://h.org:8443/b.git", "a" * 64, "x.yaml")),
        (f"git+ssh://git@h.org/b@{ZEROS}:x.yaml", ("ssh://git@h.org/b", ZEROS, "x.yaml")),
        (f"git+file:///srv/b@{ZEROS}:x.yaml", ("file:///srv/b", ZEROS, "x.yaml")),
        (f"git+https://[::1]/b@{ZEROS}:x.yaml", ("https://[::1]/b", ZEROS, "x.yaml")),
    ],
)
def test_a_reference_has_a_repository_a_commit_and_a_path(text: str, parts: tuple[str, str, str]) -> None:
    reference = parse(text, "recipe=x")
    assert reference == Reference(*parts)
    assert reference.text == text.replace("A", "a")


FORM = "Expected git+https://HOST/REPOSITORY@COMMIT:PATH.yaml (or git+ssh://, git+file://)."
USER = "An address must not contain a user or password: they would end up in logs and in the cache."
HOST = "The address has no valid host: git+https://HOST/REPOSITORY@COMMIT:PATH.yaml."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("git+https://h/b", FORM),
        (f"git+https://h/b@{ZEROS}", FORM),
        (f"git+ext::sh -c pwned@{ZEROS}:x", FORM),
        (f"git+http://h/b@{ZEROS}:x", "Expected git+https://, git+ssh:// or git+file://, got git+http://."),
        (f"git+ext://sh@{ZEROS}:x", "Expected git+https://, git+ssh:// or git+file://, got git+ext://."),
        (f"git+https://u:p@h/b@{ZEROS}:x", USER),
        (f"git+https://token@h/b@{ZEROS}:x", USER),
        (f"git+ssh://u:p@h/b@{ZEROS}:x", USER),
        (f"git+ssh://-u@h/b@{ZEROS}:x", '"-u" is not the name of a user.'),
        (f"git+ssh://-oProxyCommand=x/b@{ZEROS}:x", HOST),
        (f"git+https:///b@{ZEROS}:x", HOST),
        (f"git+https://[::1/b@{ZEROS}:x", "This is not a valid address."),
        (f"git+https://h/b?c@{ZEROS}:x", "Expected an address without ? and #."),
        (f"git+https://h/b c@{ZEROS}:x", "Expected an address in plain ASCII; write other characters percent-encoded."),
        (f"git+file://h/b@{ZEROS}:x", "Expected git+file:///ABSOLUTE/PATH."),
    ],
)
def test_an_unsuitable_repository_is_refused(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize("commit", ["main", "v1.0", "HEAD", "0" * 39, "0" * 41, "0" * 63, "g" * 40])
def test_only_a_full_commit_is_accepted(commit: str) -> None:
    assert refusal(f"git+https://h/b@{commit}:x.yaml") == (
        f'Expected a full commit of 40 or 64 hexadecimal digits, got "{commit}": a branch, a tag or a shortened commit '
        "can come to mean another. `git ls-remote https://h/b` lists commits."
    )


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.yaml", "a/../../x", "a//b", "./x.yaml", "a\x07b"])
def test_a_path_stays_within_the_repository(path: str) -> None:
    assert refusal(f"git+https://h/b@{ZEROS}:{path}").startswith(
        'Expected the path of a file within the repository, without "..", got "'
    )
    assert not is_plain_path(path)


def test_a_file_is_named_relative_to_another() -> None:
    assert beside("r/s/x.yaml", "t/y.yaml") == "r/s/t/y.yaml"
    assert beside("x.yaml", "y.yaml") == "y.yaml"


def fetched(address: str, commit: str) -> Path:
    place = repository_of(parse(f"{address}@{commit}:x.yaml", "recipe=x"), "recipe=x", fetch=True)
    assert place is not None
    return place


def test_a_file_of_a_commit_is_read_and_kept(commit: Commit, own_cache: Path) -> None:
    address, name = commit({"r/x.yaml": TEXT})
    assert repository_of(parse(f"{address}@{name}:r/x.yaml", "x"), "x", fetch=False) is None
    place = fetched(address, name)
    assert place == own_cache / "recipes" / "git" / name
    assert read_file(place, name, "r/x.yaml", "x") == b"seed: 1\n"
    assert read_file(place, name, "r/none.yaml", "x") is None
    assert not (place / "hooks").exists()
    assert [path.name for path in place.parent.iterdir()] == [name]
    (Path("repository") / ".git").rename("gone")  # from now on without the repository
    assert fetched(address, name) == place
    assert read_file(place, name, "r/x.yaml", "x") == b"seed: 1\n"


def message_of(place: Path, name: str, path: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(place, name, path, "recipe=x")
    (problem,) = caught.value.problems
    return problem.message


def test_links_folders_and_large_files_are_refused(commit: Commit) -> None:
    files = {"x.yaml": TEXT, "link.yaml": "-> x.yaml", "out.yaml": "-> /etc/passwd", "dir/y.yaml": TEXT}
    address, name = commit({**files, "most.yaml": "#" * 65_536, "more.yaml": "#" * 65_537, "linked": "-> dir"})
    place = fetched(address, name)
    assert message_of(place, name, "link.yaml") == "Expected a file, got a link: link.yaml."
    assert message_of(place, name, "out.yaml") == "Expected a file, got a link: out.yaml."
    assert message_of(place, name, "dir") == "Expected a file, got a folder: dir."
    assert message_of(place, name, "more.yaml") == "The file is larger than 65,536 bytes, the limit for a recipe."
    assert read_file(place, name, "linked/y.yaml", "x") is None
    assert read_file(place, name, "*.yaml", "x") is None
    assert len(read_file(place, name, "most.yaml", "x") or b"") == 65_536


def test_a_commit_that_is_not_there_is_reported(commit: Commit, own_cache: Path) -> None:
    address, _ = commit({"x.yaml": TEXT})
    with pytest.raises(ConfigError) as caught:
        fetched(address, "1" * 40)
    shown = address.removeprefix("git+")
    what = f"The repository {shown} has no commit {'1' * 40}, or does not give it out."
    assert caught.value.problems == [Problem("recipe=x", what)]
    assert list((own_cache / "recipes" / "git").iterdir()) == []


def test_a_damaged_repository_in_the_cache_is_fetched_again(commit: Commit) -> None:
    address, name = commit({"x.yaml": TEXT})
    place = fetched(address, name)
    for path in (place / "objects" / "pack").iterdir():
        path.unlink()
    assert repository_of(parse(f"{address}@{name}:x.yaml", "x"), "x", fetch=False) is None
    assert read_file(fetched(address, name), name, "x.yaml", "x") == b"seed: 1\n"


def test_the_name_of_a_file_or_a_tree_is_no_commit(commit: Commit) -> None:
    address, _ = commit({"x.yaml": TEXT})
    words = ["git", "-C", "repository", "rev-parse", "HEAD^{tree}"]
    tree = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    with pytest.raises(ConfigError, match=f"has no commit {tree}, or does not give it out"):
        fetched(address, tree)


def test_a_repository_that_is_not_there_is_a_failure_of_the_network(tmp_path: Path, commit: Commit) -> None:
    with pytest.raises(DataError) as caught:
        fetched(f"git+file://{tmp_path}/none", ZEROS)
    text = str(caught.value)
    assert text.startswith(
        f"file://{tmp_path}/none: the commit could not be fetched: fatal: '{tmp_path}/none' does not"
    )
    advice = (
        "Check the address, the network and your access, or clone the repository yourself and name the file's path."
    )
    assert text.endswith(advice)


def test_a_cache_that_cannot_be_written_is_reported(commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    address, name = commit({"x.yaml": TEXT})
    Path("file").write_text("")
    monkeypatch.setenv("DLRUN_CACHE", "file")
    with pytest.raises(StorageError, match=r"^file/recipes/git: could not be written \(Not a directory\)\. Free some"):
        fetched(address, name)


def test_a_commit_that_another_process_has_fetched_meanwhile_is_used(
    commit: Commit, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, name = commit({"x.yaml": TEXT})
    place = store.folder() / "git" / name
    fetch = git._fetch

    def both(reference: Reference, repository: Path, where: str) -> None:
        fetch(reference, repository, where)
        place.mkdir()
        (place / "theirs").write_text("")

    monkeypatch.setattr(git, "_fetch", both)
    assert fetched(address, name) == place
    assert [path.name for path in place.iterdir()] == ["theirs"]
    assert [path.name for path in place.parent.iterdir()] == [name]


def test_a_large_file_is_neither_fetched_nor_fetched_later(commit: Commit) -> None:
    address, name = commit({"x.yaml": TEXT, "more.yaml": "#" * 65_537})
    subprocess.run(["git", "-C", "repository", "config", "uploadpack.allowFilter", "true"], check=True)
    place = fetched(address, name)
    words = [
        "git",
        f"--git-dir={place}",
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objecttype) %(objectsize)",
    ]
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
    assert [line for line in listed if line.startswith("blob")] == ["blob 8"]
    assert message_of(place, name, "more.yaml") == "The file is larger than 65,536 bytes, the limit for a recipe."
    listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split("\n")
    assert [line for line in listed if line.startswith("blob")] == ["blob 8"]
