"""The JSON Schema of a field's type accepts what the field accepts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator

from dlrun.configuration.json_types import DEFINITIONS, any_of, schema_of
from dlrun.configuration.schema import fields, settings
from dlrun.configuration.schema.type_check import find_mismatches, fits


def accepts(kind: Any, value: Any) -> bool:
    return bool(Draft202012Validator({"$defs": DEFINITIONS, **schema_of(kind)}).is_valid(value))


CASES = [
    (fields.Width, [1, 65_536], [0, 65_537, 1.5, True, "1", None, [1]]),
    (fields.LearningRate, [1, 0.5, 1000], [0, 1000.1, "auto", True]),
    (fields.AutoLearningRate, [1, "auto"], [0, "Auto", None]),
    (fields.AverageDecay | None, [0.5, None], [0, 1, "auto"]),
    (fields.AutoCount | None, [1, None, "auto"], [0, "none"]),
    (fields.AutoWidths, [[1, 2], [], "auto"], [[0], 1, ["auto"]]),
    (fields.AutoBool, [True, False, "auto"], [0, 1, "true"]),
    (Literal["auto", 1, 3], ["auto", 1, 3], [2, True, "1", None]),
    (Literal["same", "valid"] | Annotated[int, fields.Range(low=0, high=31)], ["same", 0, 31], [-1, 32, "sam"]),
    (str | list[str], ["a", [], ["a"]], [1, [1], None, "${seed}", ["${seed}"]]),
    (fields.Duration | None, ["90s", "3h50m", "1d", None], ["0s", "", "90", "10 m", "90s\n", 90]),
    (dict, [{}, {"any text": [1, "a"]}], [[], {"a": "${b}"}, {"_target_": 1}, {"${b}": 1}, {"a": [{"hydra": 1}]}]),
    (fields.OptimizerFields, [{}, {"lr": 0.1}], [{"a b": 1}, {"Null": 1}, {"lr\n": 1}, {"_x_": 1}, {"hydra": 1}, None]),
    (settings.EarlyStop, [{}, {"patience": None}, {"min_delta": 0}], [{"patience": 0}, {"patient": 1}, None, "auto"]),
    (float, [0, -1.5, 1e300], ["1", None, False]),
    (list, [[], [1, "a", None, {"b": 1}]], ["a", ["${b}"]]),
]


@pytest.mark.parametrize(("kind", "good", "bad"), CASES, ids=lambda part: str(part)[:30])
def test_a_type_accepts_its_values_and_no_others(kind: Any, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not accepts(kind, value)] == []
    assert [value for value in bad if accepts(kind, value)] == []
    assert [value for value in good if find_mismatches(kind, value, key="key")] == []
    assert [
        value for value in [*good, *bad] if fits(kind, value) == bool(find_mismatches(kind, value, key="key"))
    ] == []


@pytest.mark.parametrize("name", ["rows.csv", "data/rows.csv", "a..b/c", ".hidden/x", "example:ratings.csv", "..a"])
def test_a_path_below_the_current_folder_is_accepted(name: str) -> None:
    assert accepts(fields.DataPath, name)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "~/x", "../x", "a/..", "a/../b", "..", "", "example:a/b", "a://b", "a\0b", "${x}"]
)
def test_a_path_outside_of_the_current_folder_is_not(name: str) -> None:
    assert not accepts(fields.DataPath, name)


def test_listed_values_of_several_types_become_one_list() -> None:
    parts = [{"type": "null"}, {"enum": ["a"]}, {"anyOf": [{"type": "integer"}, {"enum": ["a", "b"]}]}]
    assert any_of(parts) == {"anyOf": [{"type": "integer"}, {"enum": [None, "a", "b"]}]}
    assert any_of([{"type": "integer"}, {"type": "integer"}]) == {"type": "integer"}


def test_the_fields_inside_a_field_have_comments_and_defaults() -> None:
    schema = schema_of(settings.EarlyStop, comments={"patience": "how long"}, default={"min_delta": 0.5})
    assert schema["properties"]["patience"]["description"] == "how long"
    delta = schema["properties"]["min_delta"]
    assert (delta["type"], delta["minimum"], delta["default"]) == ("number", 0, 0.5)
