"""Which shards of a domain a study has run, by its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Run(NamedTuple):
    """Shards of one number that were run in a study, and how many experiments these have at most.

    Attributes
    ----------
    total : int
        Into how many shards the domain was cut.
    numbers : tuple of int
        Which of them were run.
    size : int
    """

    total: int
    numbers: tuple[int, ...]
    size: int


def shards_run(settings: Mapping[str, Any]) -> Run | None:
    """Return which shards of a domain a study has run; None if it was not, or not only, run in such.

    Examples
    --------
    >>> shards_run({"size": 10, "shards": {"parts": [[0, 3], [1, 3]]}})
    Run(total=3, numbers=(0, 1), size=7)
    """
    parts = (settings.get("shards") or {}).get("parts") or ()
    size = settings.get("size")
    totals = {int(total) for _, total in parts}
    if len(totals) != 1 or not isinstance(size, int):
        return None
    (total,) = totals
    numbers = tuple(sorted(int(number) for number, _ in parts))
    return Run(total, numbers, sum(len(range(number, size, total)) for number in numbers))


def are_of_one_walk(settings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether studies have run nothing but shards of one domain, so that equal keys are one experiment.

    Parameters
    ----------
    settings : sequence of Mapping
        Of each study.
    """
    walks = [(item.get("shards") or {}).get("walks") for item in settings]
    return bool(walks[0]) and all(item == walks[0] for item in walks)
