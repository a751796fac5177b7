"""The YAML at the top of a model card, from which a hub makes its page.

https://github.com/huggingface/hub-docs/blob/main/modelcard.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dlrun.configuration.yaml_text import plain_yaml
from dlrun.runs.publish.facts import Facts
from dlrun.runs.publish.kinds import HUB_DATASETS
from dlrun.runs.publish.markdown import one_line

LIBRARY = "dlrun"
_METRICS: Mapping[str, str] = {"macro_f1": "f1", "auroc": "roc_auc", "r2": "r_squared"}
"""The hub's names of metrics, where they differ."""
_OF_EACH = ("accuracy", "macro_f1", "auroc", "rmse", "mae", "r2", "loss")
"""Metrics that several targets have each: rmse_price."""
_MOST_RESULTS = 100


def front_matter(facts: Facts) -> str:
    """Return the front matter with its rules; what only the author knows is a comment."""
    name, is_known = facts.task
    values: dict[str, Any] = {"library_name": LIBRARY, "tags": _tags(facts)}
    if is_known:
        values["pipeline_tag"] = name
    if facts.dataset in HUB_DATASETS:
        values["datasets"] = [HUB_DATASETS[facts.dataset]]
    results = _results(facts)
    types = list(dict.fromkeys(each["type"] for each in results if not each["type"].endswith("loss")))
    if types:
        values["metrics"] = types
    if results:
        data = {"type": HUB_DATASETS.get(facts.dataset, "other"), "name": one_line(facts.data)}
        split = str(results[0]["name"]).partition("/")[0]
        entry = {"task": {"type": name}, "dataset": {**data, "split": split}, "metrics": results}
        values["model-index"] = [{"name": one_line(facts.name), "results": [entry]}]
    comments = "# license: the author's to choose, such as mit or apache-2.0\n"
    if facts.dataset not in HUB_DATASETS:
        comments += "# datasets: [OWNER/NAME], if the data is on the hub\n"
    return f"---\n{plain_yaml(values)}{comments}---\n"


def shown_split(metrics: Mapping[str, Any]) -> str:
    """Return the split whose metrics a card shows first: the test rows, if there are some."""
    splits = {name.partition("/")[0] for name in metrics}
    return next((split for split in ("test", "val", "train") if split in splits), "")


def _tags(facts: Facts) -> list[str]:
    name, is_known = facts.task
    tags = [LIBRARY, "pytorch", *([] if is_known else [name]), facts.model]
    return list(dict.fromkeys(one_line(tag, limit=60) for tag in tags))


def _results(facts: Facts) -> list[dict[str, Any]]:
    metrics = facts.result["metrics"]
    split = shown_split(metrics)
    found = [
        {"type": _type(name.partition("/")[2]), "value": value, "name": one_line(name)}
        for name, value in list(metrics.items())[:_MOST_RESULTS]
        if name.startswith(f"{split}/") and isinstance(value, int | float) and math.isfinite(value)
    ]
    return sorted(found, key=lambda each: each["type"].endswith("loss"))  # which compares with no other model


def _type(metric: str) -> str:
    base = next((each for each in _OF_EACH if metric.startswith(f"{each}_")), metric)
    return one_line(_METRICS.get(base, base), limit=60)
