"""`dlrun.data.media.listing`: files and labels from folders and lists, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from dlrun.data.media.listing import FileList, Listed, class_names, list_files, new_files
from dlrun.errors import DataError

SUFFIXES = (".png", ".gif")


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def stop(text: str) -> None:
    raise DataError(text)


def listed(path: Path, *, refuse: list[str] | None = None, **fields: str | None) -> FileList:
    given = {"val": None, "test": None, "target": "label", **fields}
    return list_files(
        str(path), suffixes=SUFFIXES, what="image", refuse=stop if refuse is None else refuse.append, **given
    )


def names(files: FileList, root: Path, part: str = "train") -> list[tuple[str, str]]:
    return [(str(entry.path.relative_to(root)), entry.label) for entry in files.parts[part]]


def test_a_folder_for_each_class_is_listed_by_name(tmp_path: Path) -> None:
    make(tmp_path, "b/2.png", "b/1.PNG", "a/below/3.gif", "a/1.png", "a/notes.txt", "a/.hidden.png", ".git/x.png")
    files = listed(tmp_path)
    assert names(files, tmp_path) == [("a/1.png", "a"), ("a/below/3.gif", "a"), ("b/1.PNG", "b"), ("b/2.png", "b")]
    assert files.ignored == [f"{tmp_path}/a/notes.txt"]


def test_splits_are_folders_in_it_or_paths_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, "data/train/a/1.png", "data/valid/a/2.png", "else/a/3.png")
    files = listed(tmp_path / "data", test=str(tmp_path / "else"))
    assert {part: names(files, tmp_path, part) for part in files.parts} == {
        "train": [("data/train/a/1.png", "a")],
        "val": [("data/valid/a/2.png", "a")],
        "test": [("else/a/3.png", "a")],
    }


LISTS = {
    "list.csv": '\ufeffkind,path\nred,a/01.png\n"blue\nish", b/00.png\n\n,\nred,a/00.png\n',
    "list.tsv": 'kind\tpath\nred\ta/01.png\n"blue\nish"\tb/00.png\nred\ta/00.png\n',
    "list.jsonl": '{"kind": "red", "path": "a/01.png"}\n{"path": "b/00.png", "kind": "blue\\nish"}\n'
    '{"kind": "red", "path": "a/00.png"}\n',
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_names_files_and_labels_in_its_order(name: str, tmp_path: Path) -> None:
    make(tmp_path, "a/00.png", "a/01.png", "b/00.png")
    (tmp_path / name).write_text(LISTS[name])
    files = listed(tmp_path / name, target="kind")
    assert names(files, tmp_path) == [("a/01.png", "red"), ("b/00.png", "blue\nish"), ("a/00.png", "red")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na/0.png,x\na/0.png,y\n", "list.csv, line 3: {folder}/a/0.png: duplicate file."),
        ("path,label\na/0.png,x,z\n", "list.csv: line 2: expected 2 columns, got 3; is a delimiter"),
        ("path,label\na/0.png,\n", 'list.csv, line 2: column "label" is empty.'),
        ("path,label\n,x\n", 'list.csv, line 2: column "path" is empty.'),
        (
            "path,label\n../x.png,x\n",
            "list.csv, line 2: ../x.png leaves the folder of the list; expected a path inside",
        ),
        ("path,label\n/etc/x.png,x\n", "list.csv, line 2: /etc/x.png leaves the folder of the list"),
        ("path,label\na/link.png,x\n", "list.csv, line 2: a/link.png leaves the folder of the list"),
    ],
)
def test_a_bad_row_of_a_list_is_refused(text: str, message: str, tmp_path: Path) -> None:
    make(tmp_path, "a/0.png", "../other.png")
    (tmp_path / "a/link.png").symlink_to(tmp_path / "../other.png")
    (tmp_path / "list.csv").write_text(f"{text}a/good.png,x\n")
    with pytest.raises(DataError, match=f"{re.escape(message.format(folder=tmp_path))}"):
        listed(tmp_path / "list.csv")
    refused: list[str] = []
    files = listed(tmp_path / "list.csv", refuse=refused)
    assert len(refused) == 1
    assert message.format(folder=tmp_path) in refused[0]
    assert names(files, tmp_path)[-1] == ("a/good.png", "x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,labels\na/0.png,x\n", 'list.csv: there is no column "label". Did you mean "labels"?'),
        ("path,label,path\na/0.png,x,y\n", 'list.csv: duplicate column "path"; rename one of them.'),
        ("", "list.csv: the file is empty."),
        ("path,label\n", "list.csv: there is no row below the heading."),
        ("path,label\n,\n", "list.csv: there is no image in it."),
        ("path,label\na/\0.png,x\n", "list.csv: line 2 has a NUL character"),
        ("path,label\n\ud8ff.png,x\n", "list.csv: line 2: byte 0xed is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_a_list_that_cannot_be_read_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(DataError, match=re.escape(message)):
        listed(tmp_path / "list.csv")


def test_a_file_of_the_kind_itself_is_no_list(tmp_path: Path) -> None:
    image = make(tmp_path / "data", "cat/1.PNG") / "cat/1.PNG"
    message = f"{image}: expected a folder for each class, or a CSV with the columns path and label."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        listed(image)


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", "cat/1.png")
    with pytest.raises(
        DataError, match=re.escape(f"{folder}/cat: expected a folder for each class, or a CSV with the")
    ):
        listed(folder / "cat")
    with pytest.raises(
        DataError, match=r"^dataset.path=.*/dato: there is no such file or folder\. Did you mean \"data\""
    ):
        listed(tmp_path / "dato")
    with pytest.raises(DataError, match=r"^dataset.val=nowhere: there is no such file or folder\."):
        listed(folder, val="nowhere")
    (folder / "dog").mkdir()
    with pytest.raises(DataError, match=r"data/dog: the class dog has no image; remove the folder or fill it\."):
        listed(folder)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: expected a file, got a pipe or a device"):
        listed(tmp_path / "pipe")


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "data", "cat/1.png")
    make(tmp_path, "other.png")
    (folder / "cat/link.png").symlink_to(tmp_path / "other.png")
    message = re.escape(f"{folder}/cat/link.png: a link that leaves the folder {folder}; copy the file into it.")
    with pytest.raises(DataError, match=f"^{message}$"):
        listed(folder)
    with pytest.raises(DataError, match=f"^{message}$"):
        new_files(folder, SUFFIXES, what="image")


def test_new_files_are_one_a_folder_or_a_list(tmp_path: Path) -> None:
    make(tmp_path, "new/b.png", "new/a/1.gif", "new/c.txt")
    folder = tmp_path / "new"
    (folder / "list.csv").write_text("id,path\n1,b.png\n2,a/1.gif\n")
    assert new_files(folder, SUFFIXES, what="image") == [folder / "b.png", folder / "a/1.gif"]
    assert new_files(folder / "c.txt", SUFFIXES, what="image") == [folder / "c.txt"]
    assert new_files(folder / "list.csv", SUFFIXES, what="image") == [folder / "b.png", folder / "a/1.gif"]
    (folder / "list.csv").write_text("path\nb.png\n../x.png\n")
    with pytest.raises(DataError, match=r"line 3: \.\./x\.png leaves the folder"):
        new_files(folder / "list.csv", SUFFIXES, what="image")
    with pytest.raises(DataError, match=r"new: there is no sound in it\."):
        new_files(folder, (".wav",), what="sound")
    with pytest.raises(DataError, match=r"input=.*/none: there is no such file or folder"):
        new_files(tmp_path / "none", SUFFIXES, what="image")


def test_classes_are_those_of_the_training_files() -> None:
    cat, dog, cats = (Listed(Path(f"{name}/1.png"), name) for name in ("cat", "dog", "cats"))
    assert class_names({"train": [dog, cat, dog], "val": [cat]}) == ["cat", "dog"]
    with pytest.raises(DataError, match=r"^cat/1.png: every training file has the class cat, as this one; expected"):
        class_names({"train": [cat, cat]})
    with pytest.raises(DataError) as caught:
        class_names({"train": [cat, dog], "val": [cats]})
    assert str(caught.value) == (
        'cats/1.png: no training file has the class cats of this val file. Did you mean "cat"?'
    )
