"""What of a file of results is a parameter, and what a variable."""

from __future__ import annotations

import datetime
import decimal
import fnmatch
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from research.domain.config import AUXILIARY
from research.errors import FilesError, did_you_mean

SOURCE = "source"  # the variable that says which file it is
PARAMETER, VARIABLE = "parameter", "variable"
_RESERVED = ("id", "iteration", "config", SOURCE, *AUXILIARY)
_PLAIN = (str, int, bytes, bytearray, complex, decimal.Decimal, pathlib.PurePath, np.integer, np.bool_)
_NESTS = (list, tuple, set, frozenset)


def column_name(name: str) -> str:
    """Return a name that no other column of tables has."""
    return f"{name}_" if name in _RESERVED else name


def as_patterns(argument: str, given: Any) -> tuple[str, ...] | None:
    """Return names of an argument, in which `*` and `?` stand for others."""
    if given is None:
        return None
    names = [given] if isinstance(given, str) else list(given) if isinstance(given, Iterable) else [given]
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"`{argument}` must be a str or a list of str, got {given!r}")
    return tuple(names)


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern fits a name, or a group that it belongs to."""
    return any(
        name == item or name.startswith(f"{item}/") or fnmatch.fnmatchcase(name, item) for item in patterns
    )


def check_patterns(argument: str, patterns: Sequence[str] | None, known: Iterable[str]) -> None:
    """Refuse patterns that fit no name.

    Raises
    ------
    FilesError
    """
    names = list(known)
    for item in patterns or ():
        if not any(fits(name, [item]) for name in names):
            raise FilesError(f"`{argument}` has {item!r}, which no file holds{did_you_mean(item, names)}")


def find_roles(
    files: Iterable[Mapping[str, Any]],
    parameters: Sequence[str] | None,
    variables: Sequence[str] | None,
    before: Mapping[str, str],
    rest: str | None = None,
) -> dict[str, str]:
    """Return the role of each name.

    Parameters
    ----------
    files : iterable of Mapping
    parameters, variables : sequence of str, optional
        Patterns.
    before : Mapping
        Roles that are settled.
    rest : str, optional
        The role of what no pattern fits. Default: as it looks.

    Raises
    ------
    FilesError
        If a name is said to be both, or is another thing already.
    """
    likely: dict[str, set[str]] = {}
    for values in files:
        for name, value in values.items():
            likely.setdefault(name, set()).add(_kind(value))
    check_patterns("parameters", parameters, [*likely, *before])
    check_patterns("variables", variables, [*likely, *before])
    roles = dict(before)
    for name, kinds in likely.items():
        is_parameter = parameters is not None and fits(name, parameters)
        is_variable = variables is not None and fits(name, variables)
        if is_parameter and is_variable:
            raise FilesError(f"{name!r} is both in `parameters` and in `variables`: it can be one of them")
        role = PARAMETER if is_parameter else VARIABLE if is_variable else None
        if role is not None and before.get(name, role) != role:
            raise FilesError(
                f"{name!r} is a {before[name]} of the study that there is: give another `name` to have it "
                f"as a {role}"
            )
        if name not in before:
            roles[name] = role or rest or _default(kinds)
    return roles


def role_of_rest(parameters: Sequence[str] | None, variables: Sequence[str] | None) -> str | None:
    """Return the role of what no pattern fits: the other one where patterns are of one role."""
    if (parameters is None) == (variables is None):
        return None
    return PARAMETER if parameters is None else VARIABLE


def _default(kinds: set[str]) -> str:
    return VARIABLE if "result" in kinds or kinds - {"none"} == {"float"} else PARAMETER


def _kind(value: Any) -> str:
    """Return what a value looks like."""
    if value is None:
        return "none"
    if isinstance(value, float | np.floating):
        return "float"
    return "plain" if _is_plain(value) else "result"


def _is_plain(value: Any) -> bool:
    """Whether a value looks like what one sets, and comes back from a config as it was."""
    if isinstance(value, _NESTS):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, _PLAIN) or type(value) is datetime.date
