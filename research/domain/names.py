"""Names of parameters: paths, whose parts are joined by '/'."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def is_path(name: Any) -> bool:
    """Whether something can be the name of a parameter."""
    return isinstance(name, str) and "" not in name.split("/")


def check_names(names: Iterable[str]) -> None:
    """Refuse names of which one is given twice, or is a part of the path of another.

    Raises
    ------
    ValueError
        Names the parameter.
    """
    seen: set[str] = set()
    for name in names:
        if not is_path(name):
            raise ValueError(f"the name of a parameter must have no empty parts between '/', got {name!r}")
        if name in seen:
            raise ValueError(f"the parameter {name!r} is given twice")
        seen.add(name)
    for name in seen:
        parts = name.split("/")
        for length in range(1, len(parts)):
            prefix = "/".join(parts[:length])
            if prefix in seen:
                raise ValueError(
                    f"the parameter {prefix!r} is given twice: as a value and as part of {name!r}"
                )
