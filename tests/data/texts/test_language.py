"""A plain text in windows: each target is the next token, and the end of the text is never trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.prepare import prepare
from dlrun.data.source import Source
from dlrun.data.texts.classification import Vocabulary
from dlrun.data.texts.language import LanguageEncoder, language_source
from dlrun.errors import DataError

LETTERS = Vocabulary("characters", lowercase=False, max_vocabulary=1000, min_count=1)


def source(folder: Path, text: str, **fields: Any) -> Source:
    (folder / "x.txt").write_text(text)
    settings: dict[str, Any] = {
        "val": None, "test": None, "val_fraction": 0.1, "test_fraction": 0.2, "context": 4, "encoding": "utf-8",
        **fields,
    }  # fmt: skip
    return language_source(str(folder / "x.txt"), LETTERS, **settings)


def test_each_target_is_the_token_after_its_input(tmp_path: Path) -> None:
    found = source(tmp_path, "abcdefghij", val_fraction=0, test_fraction=0)
    assert found.train.inputs.tolist() == [[2, 3, 4, 5], [6, 7, 8, 9]]
    assert found.train.targets.tolist() == [[3, 4, 5, 6], [7, 8, 9, 10]]
    assert (found.val, found.test) == (None, None)


def test_the_end_of_the_text_is_held_out_and_its_characters_are_unknown(tmp_path: Path) -> None:
    data = prepare("text", source(tmp_path, "a" * 72 + "b" * 8 + "c" * 20), DatasetSettings())
    assert data.sizes == {"train": 17, "val": 1, "test": 4}
    assert data.spec.vocabulary_size == data.spec.num_outputs == 3  # padding, unknown and "a"
    assert data.val is not None
    assert data.val.inputs.tolist() == [[1, 1, 1, 1]]
    assert set(data.train.targets.flatten().tolist()) == {2}
    assert (data.spec.goal, data.spec.shape, data.spec.class_counts) == ("language", (4,), ())
    assert data.spec.describe() == "windows of 4 tokens, the next out of 3 to predict"


def test_a_limit_applies_to_the_windows_of_every_split(tmp_path: Path) -> None:
    data = prepare("text", source(tmp_path, "ab" * 100), DatasetSettings(limit=2))
    assert data.sizes == {"train": 2, "val": 2, "test": 2}
    assert prepare("text", source(tmp_path, "ab" * 100), DatasetSettings()).sizes == {"train": 35, "val": 3, "test": 9}


def test_val_and_test_files_replace_the_fractions(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("babab")
    found = source(tmp_path, "ab" * 9, val=str(tmp_path / "other.txt"), test=str(tmp_path / "other.txt"))
    assert len(found.train.inputs) == 4
    assert found.test is not None
    assert found.test.inputs.tolist() == [[3, 2, 3, 2]]


def test_a_split_that_is_too_short_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the val split has 2 characters, too few for a window of 4 tokens"):
        source(tmp_path, "abcdefghij" * 3)


def test_a_new_text_is_read_from_its_end(tmp_path: Path) -> None:
    encoder = source(tmp_path, "abcdefghij" * 9).encoder
    assert encoder is not None
    again = LanguageEncoder.restored(json.loads(json.dumps(encoder.state())))
    (tmp_path / "new.txt").write_text("xyzabz")
    assert torch.equal(again.encode(tmp_path / "new.txt").inputs, torch.tensor([[1, 2, 3, 1]]))
