"""Manifests that contain their own SHA-256. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def sealed_manifest(values: Mapping[str, Any]) -> bytes:
    """Return the manifest with the SHA-256 of itself, so that a change of any byte is detected."""
    return compact_json({**values, "sha256": hashlib.sha256(compact_json(values)).hexdigest()})


def is_sealed(content: bytes, manifest: Mapping[str, Any]) -> bool:
    """Return whether a manifest, read from `content`, is the one that was sealed."""
    return content == sealed_manifest({name: value for name, value in manifest.items() if name != "sha256"})


def compact_json(values: Any) -> bytes:
    """Return values as JSON without spaces, keys in alphabetical order: equal values give equal bytes."""
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
