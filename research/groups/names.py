"""Names of parameters, as files, programs and configs write them; and what suffixes say of types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

SEPARATOR = "__"  # in files: where a program writes a dot, and a config '/'
TAKEN = ("dataset", "group")  # what a run is known by, beside its parameters
_COLUMNS = ("id", "iteration", "repetition", "device", "updates")  # of tables of results


def path_of(name: str) -> str:
    """Return the path of a parameter, whichever way it is written.

    Raises
    ------
    ValueError
        If programs could not read it by dot.

    Examples
    --------
    >>> path_of('seconds_15__stop_threshold__fast'), path_of('seconds_15.stop_threshold')
    ('seconds_15/stop_threshold/fast', 'seconds_15/stop_threshold')
    """
    parts = name.replace(SEPARATOR, "/").replace(".", "/").split("/")
    for part in parts:
        if not part.isidentifier() or part.startswith("_"):
            raise ValueError(
                f"the name of a parameter must be a word, or words joined by {SEPARATOR!r}, got {name!r}"
            )
    if parts[0] in TAKEN or (len(parts) == 1 and parts[0] in _COLUMNS):
        raise ValueError(f"no parameter may be called {name!r}: that is what a run is known by")
    return "/".join(parts)


def file_name(path: str) -> str:
    """Return a path as files have it."""
    return path.replace("/", SEPARATOR)


def dotted(path: str) -> str:
    """Return a path as programs have it."""
    return path.replace("/", ".")


def clash(paths: Iterable[str], new: str) -> str | None:
    """Return a path that is a part of another, or of which the other is a part."""
    for path in paths:
        if path.startswith(f"{new}/") or new.startswith(f"{path}/"):
            return path
    return None


SUFFIXES = ("_int", "_bool", "_choice", "_real_0", "_real_1")


def suffix_of(path: str) -> str | None:
    """Return the suffix by which a name says its type.

    Examples
    --------
    >>> [suffix_of(name) for name in ('decay_rate_int', 'part_real_0', 'print', 'a/int')]
    ['_int', '_real_0', None, '_int']
    """
    last = path.rpartition("/")[2]
    return next((suffix for suffix in SUFFIXES if f"_{last}".endswith(suffix)), None)


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as dicts in dicts."""
    found: dict[str, Any] = {}
    for path, value in values.items():
        *groups, last = path.split("/")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return found
