"""What a server says of its model: the description that its page is made from, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlrun.runs.generate import LENGTH, TEMPERATURE
from dlrun.runs.serving.limits import Limits
from dlrun.runs.serving.requests import FILE_KINDS, MOST_TOKENS
from dlrun.runs.serving.served import Served
from dlrun.version import __version__
from dlrun.wording import plural

_MOST_CHOICES = 500  # of a category that are listed
_JSON_TYPES: Mapping[str, list[str]] = {"number": ["number", "string"], "boolean": ["boolean", "number", "string"]}


def description_of(model: Served, limits: Limits) -> dict[str, Any]:
    """Return what a page needs to know of the model: its columns, classes and limits; no vocabulary."""
    how, about = model.about["preprocessing"], model.about
    found: dict[str, Any] = {
        "name": about["file"]["name"],
        "dataset": about["run"]["dataset"],
        "model": about["run"]["model"],
        "goal": about["goal"],
        "kind": model.kind,
        "columns": _columns(model),
        "outputs": [
            {name: value.get(name) for name in ("role", "target", "classes", "names")}
            for value in about["outputs"]
            if value["role"] in ("class", "numbers")
        ],
        "inputs": about["inputs"][0] if model.takes_inputs else None,
        "example": model.example,
        "limits": {"rows": limits.rows, "mib": limits.mib, "timeout_s": limits.timeout_s, "tokens": MOST_TOKENS},
    }
    listed = ("window", "rate", "seconds", "size", "channels")
    return {**found, **{name: how[name] for name in listed if name in how}}


def _columns(model: Served) -> list[dict[str, Any]]:
    how = model.about["preprocessing"]
    if model.kind == "table":
        return [_column(column) for column in how["columns"]]
    if model.kind in ("text", "language"):
        return [{"name": how["column"], "kind": "text"}]
    return [{"name": name, "kind": "number"} for name in how.get("columns", ())]


def _column(column: Mapping[str, Any]) -> dict[str, Any]:
    found = {"name": column["name"], "kind": column["kind"]}
    if column["kind"] == "category":
        found["choices"] = list(column["codes"])[:_MOST_CHOICES]
    return found


def openapi(model: Served, limits: Limits, *, has_token: bool) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a server."""
    about = model.about
    title = f"{about['run']['model']} on {about['run']['dataset']}"
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": f"dlrun serve: {title}", "version": __version__},
        "paths": {
            "/predict": {"post": _predict(model, limits, has_token=has_token)},
            "/health": {"get": _get("Whether the server answers: its status, and seconds since its start.", "json")},
            "/metrics": {"get": _get("Counters and times, for Prometheus.", "text")},
            "/model": {"get": _get("What the model takes and gives.", "json")},
        },
        "components": {"schemas": _schemas(model, limits)},
    }
    if has_token:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        found["paths"]["/health"]["get"]["security"] = []
    return found


def _get(summary: str, kind: str) -> dict[str, Any]:
    content = {"json": {"application/json": {"schema": {"type": "object"}}}, "text": {"text/plain": {}}}[kind]
    return {"summary": summary, "responses": {"200": {"description": "OK", "content": content}}}


def _predict(model: Served, limits: Limits, *, has_token: bool) -> dict[str, Any]:
    example = model.example
    body: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Request"}}
    if example is not None:
        body["example"] = {"rows": [example]}
    content = {"application/json": body}
    if model.kind in FILE_KINDS:
        files = {"type": "array", "items": {"type": "string", "format": "binary"}}
        content["multipart/form-data"] = {"schema": {"type": "object", "properties": {"files": files}}}
    faults = {
        "400": "The body is no JSON, or no form.",
        **({"401": "The token is missing or wrong."} if has_token else {}),
        "408": "The body did not arrive in time.",
        "413": f"The body has more than {limits.mib} MiB or {plural(limits.rows, 'row')}.",
        "415": "The body is neither JSON nor a form.",
        "422": "A row does not fit this model; the answer names the field and the reason.",
        "503": f"More than {limits.waiting} requests wait.",
        "504": f"No predictions within {limits.timeout_s:g} seconds.",
    }
    answers: dict[str, Any] = {"200": _answer("The predictions, in the order of the rows.", "Predictions")}
    answers |= {status: _answer(text, "Faults") for status, text in faults.items()}
    summary = "Predict rows; requests that come together are predicted together."
    return {"summary": summary, "requestBody": {"required": True, "content": content}, "responses": answers}


def _answer(text: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": text, "content": content}


def _schemas(model: Served, limits: Limits) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "rows": {"type": "array", "minItems": 1, "maxItems": limits.rows, "items": {"$ref": "#/components/schemas/Row"}}
    }
    if model.takes_inputs:
        value = model.about["inputs"][0]
        shape = " x ".join(map(str, value["shape"][1:]))
        properties["inputs"] = {
            "type": "array",
            "minItems": 1,
            "maxItems": limits.rows,
            "description": f"instead of rows: nested numbers of {shape} each, {value['meaning']}",
            "items": {"type": "array"},
        }
    if model.kind == "language":
        properties["length"] = {"type": "integer", "minimum": 1, "maximum": MOST_TOKENS, "default": LENGTH}
        properties["temperature"] = {"type": "number", "minimum": 0, "maximum": 100, "default": TEMPERATURE}
    elif any(value.get("classes") for value in model.about["outputs"]):
        meaning = "whether to add the probability of each class"
        properties["probabilities"] = {"type": "boolean", "default": False, "description": meaning}
    fault = {"type": "object", "properties": {"field": {"type": "string"}, "reason": {"type": "string"}}}
    return {
        "Request": {"type": "object", "properties": properties, "additionalProperties": False},
        "Row": _row(model),
        "Predictions": {
            "type": "object",
            "properties": {"predictions": {"type": "array", "items": {"type": "object"}}},
            "required": ["predictions"],
        },
        "Faults": {
            "type": "object",
            "properties": {"detail": {"type": "array", "items": fault}},
            "required": ["detail"],
        },
    }


def _row(model: Served) -> dict[str, Any]:
    how = model.about["preprocessing"]
    columns = _columns(model)
    found = {
        "type": "object",
        "properties": {column["name"]: _type(column, nullable=model.kind == "table") for column in columns},
        "required": [column["name"] for column in columns],
    }
    if model.kind == "series":
        points = {"type": "array", "minItems": how["window"], "items": found}
        return {"type": "object", "properties": {"points": points}, "required": ["points"]}
    if model.kind in FILE_KINDS:
        name = FILE_KINDS[model.kind]
        content = {"type": "string", "contentEncoding": "base64"}
        return {"type": "object", "properties": {name: content}, "required": [name]}
    if model.kind == "arrays":
        return {"type": "array", "description": "nested numbers"}
    return found


def _type(column: Mapping[str, Any], *, nullable: bool) -> dict[str, Any]:
    kind = column["kind"]
    if kind == "category":
        found: dict[str, Any] = {"type": ["string", "number", "boolean"], "examples": column["choices"][:20]}
    elif kind == "image":
        found = {"type": ["string"], "contentEncoding": "base64"}
    else:
        found = {"type": list(_JSON_TYPES.get(kind, ["string"]))}
    return {**found, "type": [*found["type"], "null"]} if nullable else found
