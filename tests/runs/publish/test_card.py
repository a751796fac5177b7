"""dlrun.runs.publish.card: a model card filled from a run, into which no name of its data can write."""

from __future__ import annotations

import dataclasses

import pytest

from dlrun.runs.publish.card import card, num_places
from dlrun.runs.publish.kinds import Use
from tests.runs.publish.test_front_matter import FACTS
from tests.runs.publish.test_markdown import HOSTILE


def test_it_says_what_the_model_is_and_what_was_measured() -> None:
    text = card(FACTS)
    assert text.startswith("---\nlibrary_name: dlrun\n")
    assert "\n# my-model\n" in text
    assert "A network (`tabular`) with 1,234 parameters for 6 features, 2 classes." in text
    assert "its best epoch, 3 (val/accuracy 0.5000)" in text
    assert "| test rows | 160 |" in text
    assert "| fingerprint | abc |" in text
    assert "| age | number |\n| plan | category |" in text
    assert "Classes: no, yes." in text
    assert "| metric | this model | most frequent |\n| --- | ---: | ---: |" in text
    assert "| test/accuracy | 0.7500 | 0.6250 |" in text
    assert "| val/accuracy | 0.5000 | - |" in text
    assert "By class (test):" in text
    assert "| no | 1 | 0.5000 | - | 4 |" in text
    assert "`test/` is measured on rows that chose nothing. `val/` rows chose the best epoch." in text


def test_it_says_how_to_use_and_repeat_it() -> None:
    text = card(FACTS)
    assert 'pip install "dlrun[table]" huggingface_hub\n' in text
    assert "hf download OWNER/my-model --local-dir my-model\ndlrun predict my-model INPUT\n" in text
    assert "dlrun verify recipe.yaml dataset.path=FILE " in text
    assert "dlrun verify recipe.yaml --quick dataset.path=FILE " in text
    assert "| `manifest.json` | size and SHA-256 of every file |" in text
    assert "model.onnx" not in text
    to_hub = dataclasses.replace(FACTS, repository="me/my-model", files=["config.yaml", "model.onnx", "samples.png"])
    text = card(to_hub)
    assert "hf download me/my-model --local-dir my-model\n" in text
    assert "dlrun recipe=./config.yaml dataset.path=FILE\n" in text
    assert "`model.onnx` is the same model for other programs" in text
    assert "![What the model makes of noise](samples.png)" in text


def test_what_only_the_author_knows_is_marked() -> None:
    text = card(FACTS)
    assert num_places(text) == 3
    assert text.count("<!-- AUTHOR: ") == 3
    assert "## Intended use\n\n<!-- AUTHOR: " in text
    assert "## Limits\n\n<!-- AUTHOR: " in text


def test_a_plugin_and_a_package_are_named_as_needed() -> None:
    text = card(dataclasses.replace(FACTS, plugins={"tiny.py": "0af"}, packages=["more-options"]))
    assert "- the plugin tiny&#46;py, SHA-256 0af: `--plugin FILE.py` with each command. It is code, it is not" in text
    assert "- the package more-options, installed" in text
    assert "dlrun predict my-model INPUT --plugin tiny.py\n" in text
    assert "dlrun verify recipe.yaml --plugin tiny.py dataset.path=FILE " in text


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_writes_into_the_card(name: str) -> None:
    figures = {name: {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}}
    result = {
        **FACTS.result,
        "metrics": {f"test/{name}": 1.0},
        "per_class": {f"test/{name}": figures},
        "baselines": [{"name": name, "metrics": {}}],
        "notices": [name],
        "best": {"metric": name, "value": 1.0, "epoch": 1, "step": 1},
        "dataset": {"name": name, "fingerprint": name, "sizes": {name: 1}},
        "environment": {"dlrun": name},
    }
    hostile = dataclasses.replace(
        FACTS, name=name, model=name, data=name, where=name, describes=name, columns=[(name, name)],
        classes=[(name, [name])], result=result, plugins={name: name}, packages=[name], use=Use(name, ["dlrun NAME"]),
    )  # fmt: skip
    plain, ordinary = card(hostile), card(
        dataclasses.replace(hostile, **dict.fromkeys(("name", "model", "data", "where", "describes"), "x"),
                            columns=[("x", "x")], classes=[("x", ["x"])], plugins={"x": "x"}, packages=["x"],
                            use=Use("x", ["dlrun NAME"]),
                            result={**result, "metrics": {"test/x": 1.0}, "per_class": {"test/x": {"x": figures[name]}},
                                    "baselines": [{"name": "x", "metrics": {}}], "notices": ["x"],
                                    "best": {**result["best"], "metric": "x"}, "environment": {"dlrun": "x"},
                                    "dataset": {"name": "x", "fingerprint": "x", "sizes": {"x": 1}}}))  # fmt: skip
    body, expected = (text.split("\n---\n", 1)[1] for text in (plain, ordinary))
    assert body.count("\n") == expected.count("\n")
    prose, other = (text.split("```bash")[0] for text in (body, expected))
    for mark in ("<", "[", "](", "|", "`", "*", "#", "$", "http", "@", "\n\n", "\n- "):
        found = prose.count(mark) - (prose.count("&#") if mark == "#" else 0)
        assert found - (prose.count("http") if mark == "http" else 0) == other.count(mark) - (
            other.count("http") if mark == "http" else 0
        ), mark
    assert body.count("```") == expected.count("```")
    assert "\x1b" not in plain


def test_long_lists_are_cut_and_said_to_be() -> None:
    columns = [(f"column {number}", "number") for number in range(150)]
    text = card(dataclasses.replace(FACTS, columns=columns, classes=[("kind", [f"c{n}" for n in range(40)])]))
    assert "50 more columns: see `model.json`." in text
    assert "Classes of kind: c0, c1, " in text
    assert ", c29, 10 more." in text
