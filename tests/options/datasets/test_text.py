"""Texts from the command line: killed, resumed, evaluated, for labelled texts and for a language model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.runs.generate import generate_text
from tests.kill_and_resume import kill_and_resume, outputs, predictions, restored
from tests.options.datasets.make_samples import reviews, weather, write

Dlrun = Callable[..., tuple[int, str, str]]


def test_labelled_texts_survive_and_read_new_rows_from_another_folder(tmp_path: Path) -> None:
    write(tmp_path)
    words = (
        "dataset=text", "dataset.path=reviews.csv", "model=rnn", "model.cell=lstm", "model.hidden=16", "model.pool=max",
        "model.bidirectional=true", "model.dropout=0.1", "model.embedding=16", "optimizer.lr=0.01",
        "trainer.epochs=12", "dataset.max_length=20",
    )  # fmt: skip
    run, metrics = kill_and_resume(words, folder=tmp_path)
    assert metrics["test/accuracy"] > 0.9
    (tmp_path / "reviews.csv").unlink()
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "new.tsv").write_text("id\ttext\n1\tThe unheard was never dull.\n2\tHonestly, the room was not good.\n")
    task, encoder = restored(run)
    logits = outputs(task, encoder.encode(other / "new.tsv"))
    assert [task.spec.class_names[int(logit > 0)] for logit in logits] == ["praise", "complaint"]
    assert [row["prediction"] for row in predictions(run, other / "new.tsv", folder=tmp_path)] == [
        "praise",
        "complaint",
    ]


@pytest.mark.parametrize("tokenizer", ["characters", "subword"])
def test_a_language_model_survives_and_continues_a_prompt(tokenizer: str, dlrun: Dlrun, tmp_path: Path) -> None:
    if tokenizer == "subword":
        pytest.importorskip("tokenizers")
    (tmp_path / "x.txt").write_text("the cat sat on the mat, and the dog sat on the log.\n" * 60)
    words = (
        "dataset=text", "dataset.task=language", "dataset.path=x.txt", f"dataset.tokenizer={tokenizer}",
        "dataset.context=16", "dataset.max_vocabulary=320", "model=rnn", "model.hidden=48", "optimizer.lr=0.01",
        "trainer.batch_size=8", f"trainer.epochs={6 if tokenizer == 'characters' else 20}",
    )  # fmt: skip
    run, metrics = kill_and_resume(words, folder=tmp_path)
    assert metrics["test/perplexity"] < 2
    (tmp_path / "x.txt").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "new.txt").write_text("the cat sat on the mat, and the do")
    task, encoder = restored(run)
    encoded = encoder.encode(tmp_path / "elsewhere" / "new.txt")
    assert outputs(task, encoded).shape == (1, encoded.inputs.shape[1], task.spec.num_outputs)
    text = generate_text(task, encoder, "the cat sat on", length=30, temperature=0.0)
    assert text.startswith("the cat sat on the ")
    code, out, err = dlrun("predict", str(run), "--prompt", "the cat sat on", "--length", "30", "--temperature", "0")
    assert (code, out) == (0, f"{text}\n"), err
    assert dlrun("predict", str(run), "--prompt", "the", "--length", "none")[0] == 2
    assert (
        "Expected a number from 0 to 100." in dlrun("predict", str(run), "--prompt", "the", "--temperature", "hot")[2]
    )
    known = {"the", "cat", "sat", "on", "mat", "and", "dog", "log"}
    assert set(text.replace(",", " ").replace(".", " ").split()[:-1]) <= known


def test_the_sample_files_are_what_make_samples_writes(tmp_path: Path) -> None:
    from dlrun.data.files.paths import locate

    write(tmp_path)
    for name in ("reviews.csv", "weather.csv"):
        assert (tmp_path / name).read_bytes() == locate(f"example:{name}").read_bytes()
    assert (len(reviews(800)), len(weather(1461))) == (800, 1461)


def test_bad_data_stops_the_run_before_anything_is_written(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na,x\n,y\nb,y\n")
    code, _, err = dlrun("dataset=text", "dataset.path=x.csv", "model=rnn", "hydra.run.dir=mine")
    assert code == 3
    assert 'x.csv: line 3, column "text": the text is empty.' in err
    assert not (tmp_path / "mine" / "config.yaml").exists()


def test_skipped_rows_are_reported(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\n" + "a,x\n,y\nb,y\n" * 10)
    code, _, err = dlrun(
        "dataset=text", "dataset.path=x.csv", "dataset.on_bad_row=skip", "model=rnn", "trainer.epochs=1",
        "hydra.run.dir=mine",
    )  # fmt: skip
    assert code == 0, err
    assert "10 bad rows skipped (dataset.on_bad_row=skip)" in " ".join(err.split())


def test_a_language_model_reads_forward_only(dlrun: Dlrun) -> None:
    code, _, err = dlrun(
        "dataset=text",
        "dataset.task=language",
        "dataset.path=example:gpl3_text.txt",
        "model=rnn",
        "model.bidirectional=true",
    )
    assert code == 2
    assert "A language model must not see the token that it predicts" in err


def test_language_models_have_no_class_weights(dlrun: Dlrun) -> None:
    code, _, err = dlrun(
        "dataset=text",
        "dataset.task=language",
        "dataset.path=example:gpl3_text.txt",
        "model=rnn",
        "loss=binary_cross_entropy",
    )
    assert code == 2
    assert "tokens to predict; use loss=cross_entropy" in err
    code, _, err = dlrun(
        "dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "model=rnn", "loss=mse"
    )
    assert code == 2
    assert "tokens to predict; use loss=cross_entropy" in err
    code, _, err = dlrun(
        "dataset=text", "dataset.task=language", "dataset.path=example:gpl3_text.txt", "model=rnn",
        "loss=cross_entropy",
        "loss.class_weights=balanced",
    )  # fmt: skip
    assert code == 2
    assert "Language models do not support class weights; use loss.class_weights=none." in err


def test_labelled_texts_have_a_vocabulary_of_subwords_too(dlrun: Dlrun, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    code, _, err = dlrun(
        "recipe=lstm_reviews", "dataset.tokenizer=subword", "dataset.max_vocabulary=400", "trainer.epochs=1",
        "hydra.run.dir=mine", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    task, encoder = restored(tmp_path / "mine")
    (tmp_path / "new.csv").write_text("text\nThe room was good.\n")
    assert torch.isfinite(outputs(task, encoder.encode(tmp_path / "new.csv"))).all()
