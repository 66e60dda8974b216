"""Whether a function takes the arguments that it will be given: known before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any


def check_call(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], who: str) -> None:
    """Refuse arguments that a function does not take, as far as it says what it takes.

    Parameters
    ----------
    function : callable
    args : sequence
    kwargs : mapping
    who : str
        Calls it, for the text of the error.

    Raises
    ------
    TypeError
        Names the function and the argument.
    """
    try:
        taken = signature(function)
    except (TypeError, ValueError):  # many in C do not say
        return
    try:
        taken.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(function, "__qualname__", None) or repr(function)
        raise TypeError(f"{who} cannot call {name}{taken}: {error}") from None
