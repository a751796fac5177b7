"""Labelled texts: the vocabulary is that of the training rows, and bad rows are reported with their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.texts.classification import TextEncoder, TextFormat, Vocabulary, labelled_texts
from dlrun.errors import DataError

FORM = TextFormat("text", "label", None, "utf-8", max_length=5, skip_bad_rows=False)
WORDS = Vocabulary("words", lowercase=True, max_vocabulary=1000, min_count=1)


def write(folder: Path, *rows: str, name: str = "x.csv") -> str:
    (folder / name).write_text("\n".join(["text,label", *rows, ""]))
    return str(folder / name)


def many(folder: Path) -> str:
    return write(folder, *(f"common word{i},{'A' if i % 2 else 'B'}" for i in range(40)))


def bundle(path: str, form: TextFormat = FORM, *, limit: int | None = None, **files: Any) -> DataBundle:
    source = labelled_texts(path, form, WORDS, val=files.get("val"), test=files.get("test"))
    return prepare("text", source, DatasetSettings(limit=limit))


def encoder(data: DataBundle) -> TextEncoder:
    assert isinstance(data.encoder, TextEncoder)
    return data.encoder


def test_the_vocabulary_is_that_of_the_training_rows_alone(tmp_path: Path) -> None:
    data = bundle(many(tmp_path))
    assert data.sizes == {"train": 28, "val": 4, "test": 8}
    assert data.spec.vocabulary_size == encoder(data).tokenizer.size == 2 + 1 + 28
    assert data.val is not None
    assert data.test is not None
    assert int((data.train.inputs == 1).sum()) == 0
    assert data.val.inputs.tolist() == [[2, 1]] * 4
    assert data.test.inputs.tolist() == [[2, 1]] * 8


def test_a_limit_excludes_rows_from_the_vocabulary_too(tmp_path: Path) -> None:
    data = bundle(many(tmp_path), limit=20)
    assert data.spec.vocabulary_size == 2 + 1 + len(data.train)


def test_a_limit_applies_to_val_and_test_files_too(tmp_path: Path) -> None:
    other = write(tmp_path, *(f"common new{i},{'A' if i % 2 else 'B'}" for i in range(30)), name="other.csv")
    data = bundle(many(tmp_path), limit=20, val=other, test=other)
    assert data.sizes == {"train": 20, "val": 20, "test": 20}
    assert data.val is not None
    assert data.val.inputs.tolist() == [[2, 1]] * 20
    assert data.val.lengths is not None
    assert data.val.lengths.tolist() == [2] * 20


def test_texts_are_cut_and_padded_and_have_lengths(tmp_path: Path) -> None:
    path = write(tmp_path, "a b c d e f g,x", "a,y", "a b,x", "b,y")
    data = bundle(path, test=path)
    assert data.test is not None
    assert data.test.inputs.tolist()[:3] == [[2, 3, 4, 5, 6], [2, 0, 0, 0, 0], [2, 3, 0, 0, 0]]
    assert data.test.lengths is not None
    assert data.test.lengths.tolist() == [5, 1, 2, 1]
    assert data.spec.has_lengths
    assert data.spec.describe() == "texts of up to 5 tokens, 2 classes"


def test_val_and_test_files_replace_the_fractions(tmp_path: Path) -> None:
    other = write(tmp_path, "common new,A", "new,B", name="other.csv")
    data = bundle(many(tmp_path), val=other, test=other)
    assert data.sizes == {"train": 40, "val": 2, "test": 2}
    assert data.test is not None
    assert data.test.inputs.tolist() == [[2, 1], [1, 0]]
    assert data.test.targets.tolist() == [0, 1]


def test_labels_that_are_numbers_keep_their_order(tmp_path: Path) -> None:
    data = bundle(write(tmp_path, *(f"a,{number}" for number in (10, 9, 2) * 5)))
    assert data.spec.class_names == ("2", "9", "10")
    assert data.spec.goal == "multiclass"


def test_a_text_of_invisible_characters_has_a_token(tmp_path: Path) -> None:
    data = bundle(write(tmp_path, *("\N{ZERO WIDTH SPACE},x", "b,y") * 10))
    assert data.train.lengths is not None
    assert set(data.train.lengths.tolist()) == {1}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("a,x", " ,y"), r'x.csv: line 3, column "text": the text is empty\. .*on_bad_row=skip'),
        (("a,x", "b, "), r'x.csv: line 3, column "label": the label is empty\.'),
        (("a,x", "b,x"), r'x.csv: column "label": every row has the label "x"; expected two or more'),
        (("a,b,c",), r"x.csv: line 2: expected 2 columns, got 3; is a delimiter or a quote missing\?"),
    ],
)
def test_data_that_a_model_cannot_be_trained_on_is_reported(
    rows: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        bundle(write(tmp_path, *rows))


def test_a_missing_column_is_reported_with_the_setting_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("review,label\na,x\nb,y\n")
    message = r'x.csv: there is no column "text" for dataset.text. Choose from: label, review\.$'
    with pytest.raises(DataError, match=message):
        bundle(str(tmp_path / "x.csv"))


def test_a_folder_of_texts_is_told_with_what_to_make_of_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a file, got a folder; write its texts into one CSV, with a column"):
        bundle(str(tmp_path))


def test_a_plain_text_is_no_table_of_texts(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("To be\nor not\n")
    message = (
        r'x.txt: there is no column "text" for dataset.text\. .*For a model that continues .*: dataset.task=language'
    )
    with pytest.raises(DataError, match=message):
        bundle(str(tmp_path / "x.txt"))


def test_a_label_of_no_training_row_is_reported(tmp_path: Path) -> None:
    other = write(tmp_path, "a,z", name="other.csv")
    with pytest.raises(DataError, match=r'other.csv: line 2, .*no training row has the label "z"\.'):
        bundle(write(tmp_path, "a,x", "b,y"), test=other)


def test_bad_rows_are_skipped_counted_and_listed_on_request(tmp_path: Path) -> None:
    form = TextFormat("text", "label", None, "utf-8", max_length=5, skip_bad_rows=True)
    data = bundle(write(tmp_path, *("a,x", ",y", "b,y") * 10), form)
    assert sum(data.sizes.values()) == 20
    (notice,) = data.notices
    assert notice.startswith(
        f'{tmp_path}/x.csv: 10 bad rows skipped (dataset.on_bad_row=skip):\n  line 3, column "text": the text is empty.'
    )
    with pytest.raises(DataError, match="no usable row is left"):
        bundle(write(tmp_path, ",x", ",y"), form)


def test_new_texts_are_read_as_the_training_rows_were(tmp_path: Path) -> None:
    data = bundle(many(tmp_path))
    again = TextEncoder.restored(json.loads(json.dumps(encoder(data).state())))
    (tmp_path / "new.jsonl").write_text('{"text": "Common stranger common"}\n{"text": "common", "extra": 1}\n')
    encoded = again.encode(tmp_path / "new.jsonl")
    assert encoded.inputs.tolist() == [[2, 1], [2, 0]]
    assert encoded.lengths is not None
    assert torch.equal(encoded.lengths, torch.tensor([2, 1]))


def test_a_new_text_is_cut_at_the_longest_training_text(tmp_path: Path) -> None:
    data = bundle(many(tmp_path))
    (tmp_path / "new.csv").write_text("text\ncommon common common common\n")
    assert encoder(data).encode(tmp_path / "new.csv").inputs.shape == (1, data.spec.shape[0]) == (1, 2)


def test_an_empty_new_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text\na\n \n")
    with pytest.raises(DataError, match=r'new.csv: line 3, column "text": the text is empty\.$'):
        encoder(bundle(many(tmp_path))).encode(tmp_path / "new.csv")
