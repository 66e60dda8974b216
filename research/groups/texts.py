"""Groups as text, and what they are known by: as configs have it, without what these need."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any


def dumps(content: Any) -> str:
    """Write JSON as canonical forms are written: one text for equal content."""
    return json.dumps(content, separators=(",", ":"), sort_keys=True, allow_nan=False)


def digest(text: str) -> str:
    """Return 16 hex digits of a text, as the hash of a config is."""
    return blake2b(text.encode(), digest_size=8).hexdigest()
