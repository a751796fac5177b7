"""dlrun.runs.publish.front_matter: the YAML from which a hub makes its page."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import pytest
import yaml

from dlrun.runs.publish.facts import Facts
from dlrun.runs.publish.front_matter import front_matter, shown_split
from dlrun.runs.publish.kinds import Use

FACTS = Facts(
    name="my-model",
    repository=None,
    kind="table",
    task=("tabular-classification", True),
    use=Use("a CSV file", ["dlrun predict NAME INPUT"], extra="table"),
    model="tabular",
    dataset="table",
    data="people.csv",
    where="people.csv, 800 rows, of the author",
    describes="6 features, 2 classes",
    columns=[("age", "number"), ("plan", "category")],
    classes=[("", ["no", "yes"])],
    result={
        "metrics": {"val/accuracy": 0.5, "test/loss": 0.25, "test/accuracy": 0.75, "test/macro_f1": 0.7,
                    "test/auroc": math.nan},
        "per_class": {"test": {"no": {"precision": 1.0, "recall": 0.5, "f1": None, "support": 4}}},
        "baselines": [{"name": "most frequent", "metrics": {"test/accuracy": 0.625}}],
        "notices": [],
        "best": {"metric": "val/accuracy", "value": 0.5, "epoch": 3, "step": 30},
        "parameters": 1234,
        "dataset": {"name": "table", "fingerprint": "abc", "sizes": {"train": 576, "val": 64, "test": 160}},
        "environment": {"dlrun": "1.0"},
    },
    files=["README.md", "config.yaml", "recipe.yaml", "model.safetensors", "model.json", "result.json"],
    plugins={},
    packages=[],
    to_set=" dataset.path=FILE",
    num_words=3,
)  # fmt: skip

HUB = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|$))")
"""How huggingface_hub finds the front matter of a card (repocard.REGEX_YAML_BLOCK)."""


def parsed(facts: Facts) -> dict[str, Any]:
    found = HUB.search(front_matter(facts) + "\n# Card\n")
    assert found is not None
    values: dict[str, Any] = yaml.safe_load(found[2])
    return values


def test_the_test_metrics_are_named_as_the_hub_does() -> None:
    assert parsed(FACTS) == {
        "library_name": "dlrun",
        "tags": ["dlrun", "pytorch", "tabular"],
        "pipeline_tag": "tabular-classification",
        "metrics": ["accuracy", "f1"],
        "model-index": [
            {
                "name": "my-model",
                "results": [
                    {
                        "task": {"type": "tabular-classification"},
                        "dataset": {"type": "other", "name": "people.csv", "split": "test"},
                        "metrics": [
                            {"type": "accuracy", "value": 0.75, "name": "test/accuracy"},
                            {"type": "f1", "value": 0.7, "name": "test/macro_f1"},
                            {"type": "loss", "value": 0.25, "name": "test/loss"},
                        ],
                    }
                ],
            }
        ],
    }
    assert "# license: the author's to choose" in front_matter(FACTS)
    assert "# datasets: [OWNER/NAME], if the data is on the hub" in front_matter(FACTS)


def test_a_dataset_that_the_hub_has_is_named_there() -> None:
    values = parsed(dataclasses.replace(FACTS, dataset="mnist", data="mnist"))
    assert values["datasets"] == ["ylecun/mnist"]
    assert values["model-index"][0]["results"][0]["dataset"] == {
        "type": "ylecun/mnist", "name": "mnist", "split": "test"
    }  # fmt: skip


def test_a_task_that_the_hub_does_not_have_is_a_tag() -> None:
    values = parsed(dataclasses.replace(FACTS, task=("recommendation", False), model="factorization"))
    assert "pipeline_tag" not in values
    assert values["tags"] == ["dlrun", "pytorch", "recommendation", "factorization"]
    assert values["model-index"][0]["results"][0]["task"] == {"type": "recommendation"}


def test_without_test_rows_the_validation_metrics_are_shown_and_said_to_be() -> None:
    result = {**FACTS.result, "metrics": {"val/rmse_price": 2.5}}
    values = parsed(dataclasses.replace(FACTS, result=result))
    assert values["metrics"] == ["rmse"]
    entry = values["model-index"][0]["results"][0]
    assert (entry["dataset"]["split"], entry["metrics"][0]["name"]) == ("val", "val/rmse_price")
    none = parsed(dataclasses.replace(FACTS, result={**FACTS.result, "metrics": {}}))
    assert not {"metrics", "model-index"} & set(none)
    assert shown_split({}) == ""


@pytest.mark.parametrize(
    "text",
    ["---", "a\n---\n# head", "a: b\nlibrary_name: evil", "!!python/object/apply:os.system [x]", "&a *a", "no", "1e3",
     "{x}", "# c", '"', "'", "a\x1b[2J", "x" * 300, "a\r\n---\r\n", "- x", "\u2028---\u2028"],
)  # fmt: skip
def test_names_cannot_add_to_the_front_matter(text: str) -> None:
    result = {**FACTS.result, "metrics": {f"test/{text}": 1.0}}
    hostile = dataclasses.replace(FACTS, name=text, data=text, model=text, result=result)
    values = parsed(hostile)
    assert list(values) == ["library_name", "tags", "pipeline_tag", "metrics", "model-index"]
    assert values["library_name"] == "dlrun"
    (entry,) = values["model-index"]
    assert isinstance(entry["name"], str)
    assert entry["name"].replace("…", "")[:5] in " ".join(text.split()).replace("\x1b", "\\x1b").replace("\u2028", " ")
    assert len(values["tags"]) == 3
    assert all(isinstance(tag, str) and len(tag) <= 60 for tag in values["tags"])
    assert front_matter(hostile).count("\n---\n") == 1


def test_the_library_of_the_hub_reads_it() -> None:
    hub = pytest.importorskip("huggingface_hub", reason="needs dlrun[hub]")
    found = hub.ModelCard(front_matter(FACTS) + "\n# Card\n", ignore_metadata_errors=False).data
    assert (found.library_name, found.pipeline_tag, found.model_name) == (
        "dlrun", "tabular-classification", "my-model"
    )  # fmt: skip
    assert [(each.metric_type, each.metric_value, each.dataset_split) for each in found.eval_results] == [
        ("accuracy", 0.75, "test"), ("f1", 0.7, "test"), ("loss", 0.25, "test")
    ]  # fmt: skip
