"""What refiners are told, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from research.domain import Config
from samplers.values import is_number

MODES = ("max", "min")


def checked_names(name: str, given: Any) -> tuple[str, ...]:
    """Return a name, or a list of them, as a tuple.

    Raises
    ------
    ValueError
        If it is something else, or has a name twice.
    """
    texts = (given,) if isinstance(given, str) else given
    is_list = isinstance(texts, Sequence) and bool(texts) and all(isinstance(text, str) for text in texts)
    if not is_list or len(set(texts)) < len(texts):
        raise ValueError(f"`{name}` must be a name or a list of different names, got {given!r}")
    return tuple(texts)


def checked_modes(mode: Any, n_objectives: int) -> tuple[str, ...]:
    """Return 'max' or 'min' for each objective.

    Raises
    ------
    ValueError
        If it is something else.
    """
    modes = (mode,) * n_objectives if isinstance(mode, str) else mode
    if (
        not isinstance(modes, Sequence)
        or len(modes) != n_objectives
        or any(one not in MODES for one in modes)
    ):
        raise ValueError(
            f"`mode` must be 'max' or 'min', or a list with one of them for each objective, got {mode!r}"
        )
    return tuple(modes)


def checked_choice(name: str, given: Any, known: Sequence[str]) -> str:
    """Return one of what is known.

    Raises
    ------
    ValueError
        If it is none of that.
    """
    if given not in known:
        raise ValueError(f"`{name}` must be {' or '.join(map(repr, known))}, got {given!r}")
    return str(given)


def checked_probability(name: str, given: Any) -> float:
    """Return a number from 0 to 1.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if isinstance(given, bool) or not is_number(given) or not 0 <= given <= 1:
        raise ValueError(f"`{name}` must be a probability, from 0 to 1, got {given!r}")
    return float(given)


def checked_constraints(given: Any) -> tuple[Callable[[Config], Any], ...]:
    """Return functions of a config as a tuple.

    Raises
    ------
    TypeError
        If there is something else among them.
    """
    if callable(given) or isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"`constraints` must be a list of functions of a config, got {given!r}")
    functions = tuple(given)
    for function in functions:
        if not callable(function):
            raise TypeError(f"`constraints` must be functions of a config, got {function!r} among them")
    return functions
