"""dlrun.storage.sealed: manifests that contain their own SHA-256."""

from __future__ import annotations

import hashlib
import json

from dlrun.storage.sealed import compact_json, is_sealed, sealed_manifest


def test_a_manifest_has_the_hash_of_the_rest() -> None:
    content = sealed_manifest({"b": 1, "a": [2]})
    assert json.loads(content) == {"a": [2], "b": 1, "sha256": hashlib.sha256(b'{"a":[2],"b":1}').hexdigest()}
    assert is_sealed(content, json.loads(content))


def test_a_changed_manifest_is_not_sealed() -> None:
    changed = sealed_manifest({"a": 1}).replace(b'"a":1', b'"a":2')
    assert not is_sealed(changed, json.loads(changed))
    spaced = sealed_manifest({"a": 1}).replace(b'"a":1', b'"a": 1')
    assert not is_sealed(spaced, json.loads(spaced))


def test_equal_values_give_equal_bytes() -> None:
    assert compact_json({"b": 1, "a": None}) == compact_json({"a": None, "b": 1}) == b'{"a":null,"b":1}'
