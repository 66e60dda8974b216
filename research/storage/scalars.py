"""Numbers and texts as columns of a database, and names that every database takes; needs no library."""

from __future__ import annotations

import math
from typing import Any

_HEX = "$hex:"  # begins names that are written as hex digits
_EXACT = 2**53  # integers up to here are exact as a float


def encode_plain(value: Any) -> tuple[str, float | None, str | None] | None:
    """Return (type, number, text) of a number, text, bool or None of Python; None of anything else."""
    kind = type(value)
    if kind is float:
        if math.isnan(value):
            return "float", None, "nan"
        return "float", value, "-0.0" if value == 0 and math.copysign(1, value) < 0 else None
    if kind is int:
        if -_EXACT <= value <= _EXACT:
            return "int", value, None
        return "int", _approximate(value), hex(value)
    if kind is bool:
        return "bool", int(value), None
    if value is None:
        return "none", None, None
    if kind is str:
        return ("str", None, value) if is_plain(value) else ("escaped", None, _escape(value))
    return None


def decode_plain(kind: str, number: float | None, text: str | None) -> Any:
    """Rebuild what `encode_plain` was given.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "float":
        return float(text) if text is not None else number
    if kind == "int":
        return int(text, 16) if text is not None else int(number or 0)
    if kind == "bool":
        return bool(number)
    if kind == "str":
        return text
    if kind == "escaped":
        return _unescape(text or "")
    if kind != "none":
        raise ValueError(f"there is no kind of values {kind!r}")
    return None


def _escape(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()


def _unescape(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogatepass")


def is_plain(text: str) -> bool:
    """Whether every database takes this text."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def plain(text: str) -> str:
    """Make text for people acceptable to every database."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def encode_name(name: str) -> str:
    """Write a name so that every database takes it; most stay as they are."""
    return name if is_plain(name) and not name.startswith(_HEX) else _HEX + _escape(name)


def decode_name(text: str) -> str:
    """Return the name that `encode_name` wrote."""
    return _unescape(text.removeprefix(_HEX)) if text.startswith(_HEX) else text


def _approximate(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None
