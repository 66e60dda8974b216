"""How good groups are: by one data set, or by all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from research.errors import did_you_mean
from research.events import DONE
from research.groups.database import Database

AGGREGATES = ("mean", "median", "worst")
MODES = ("max", "min")


class Score(NamedTuple):
    """How good a group is.

    Attributes
    ----------
    group : str
    dataset : str or None
        None: over all data sets.
    value : float
        The mean over runs; nan if none was done.
    n_runs : int
        How many have ended.
    """

    group: str
    dataset: str | None
    value: float
    n_runs: int


class Generation(NamedTuple):
    """How good the best group of a generation is.

    Attributes
    ----------
    generation : int
        0 of groups that were loaded.
    dataset : str or None
        None: over all data sets.
    value : float
    so_far : float
        Of this generation and all before.
    """

    generation: int
    dataset: str | None
    value: float
    so_far: float


def scores(database: Database, metric: str) -> list[Score]:
    """Return how good each group is by each data set.

    Raises
    ------
    StudyError
        If nobody has reported that.
    TypeError
        If it is no number.
    """
    runs: dict[tuple[str, str], list[float]] = {}
    for item in database.reports(metric):
        own = runs.setdefault((item.group, item.dataset), [])
        if item.status != DONE or item.value is None:
            own.append(math.nan)
        elif isinstance(item.value, bool | int | float):
            own.append(float(item.value))
        else:
            raise TypeError(
                f"{metric!r} must be a number, got {item.value!r} of the group {item.group!r} for "
                f"{item.dataset!r}"
            )
    return [Score(*key, _mean(values), len(values)) for key, values in runs.items()]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def aggregated(found: Sequence[Score], how: str, mode: str, datasets: Sequence[str]) -> list[Score]:
    """Join what is known of each group by several data sets; nan where one of these is missing."""
    groups: dict[str, dict[str, Score]] = {}
    for item in found:
        if item.dataset in datasets:
            groups.setdefault(item.group, {})[str(item.dataset)] = item
    joined = []
    for group, items in groups.items():
        values = [items[name].value if name in items else math.nan for name in datasets]
        n_runs = sum(item.n_runs for item in items.values())
        joined.append(Score(group, None, _aggregate(values, how, mode), n_runs))
    return joined


def _aggregate(values: Sequence[float], how: str, mode: str) -> float:
    if any(math.isnan(value) for value in values):
        return math.nan
    if how == "worst":
        return min(values) if mode == "max" else max(values)
    if how == "mean":
        return math.fsum(values) / len(values)
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def best(found: Sequence[Score], n: int, mode: str) -> list[Score]:
    """Return the best scores, best first; what is not known is none of them."""
    known = [item for item in found if not math.isnan(item.value)]
    return sorted(known, key=lambda item: (item.value if mode == "min" else -item.value, item.group))[:n]


def top(
    database: Database,
    metric: str,
    n: int,
    mode: str,
    aggregate: str | None,
    data: Sequence[str] | None,
) -> list[Score]:
    """Return the best groups: over all data sets, or within each; see `ParameterStore.top`."""
    compared = _compared(database, metric, mode, aggregate, data)
    return [item for items in compared.values() for item in best(items, n, mode)]


def _compared(
    database: Database, metric: str, mode: str, aggregate: str | None, data: Sequence[str] | None
) -> dict[str | None, list[Score]]:
    """Return scores that may be compared, by the data set; None is all of them."""
    check_choices(mode, aggregate)
    found = scores(database, metric)
    datasets = chosen(list(dict.fromkeys(str(item.dataset) for item in found)), data)
    if aggregate is not None:
        return {None: aggregated(found, aggregate, mode, datasets)}
    within: dict[str | None, list[Score]] = {name: [] for name in datasets}
    for item in found:
        if item.dataset in within:
            within[item.dataset].append(item)
    return within


def history(
    database: Database, metric: str, mode: str, aggregate: str | None, data: Sequence[str] | None
) -> list[Generation]:
    """Return the best of each generation; see `ParameterStore.history`."""
    generations = {entry.id: entry.generation for entry in database.groups()}
    rows = []
    for dataset, items in _compared(database, metric, mode, aggregate, data).items():
        so_far: list[Score] = []
        for number in sorted({generations[item.group] for item in items if item.group in generations}):
            first = best([item for item in items if generations.get(item.group) == number], 1, mode)
            so_far = best([*so_far, *first], 1, mode)
            if first:
                rows.append(Generation(number, dataset, first[0].value, so_far[0].value))
    return rows


def chosen(known: Sequence[str], given: Sequence[str] | None) -> list[str]:
    """Return the data sets that are wanted.

    Raises
    ------
    ValueError
        If there is none of a name.
    """
    for name in given or ():
        if name not in known:
            raise ValueError(f"`data`: there is no run for {name!r}{did_you_mean(name, known)}")
    return list(known if given is None else given)


def check_choices(mode: Any, aggregate: Any) -> None:
    """Refuse what is no way to compare groups.

    Raises
    ------
    ValueError
    """
    if mode not in MODES:
        raise ValueError(f"`mode` must be 'max' or 'min', got {mode!r}")
    if aggregate is not None and aggregate not in AGGREGATES:
        raise ValueError(f"`aggregate` must be 'mean', 'median' or 'worst', got {aggregate!r}")
