"""Where values are on an axis, which colours stand for them, and how they are written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from research.domain.values import Alias, Opaque
from research.errors import did_you_mean
from research.results.comparing import is_missing, is_number, sort_places
from research.results.plots.chosen import Numbers, as_numbers, group_key
from research.storage.base import ObjectRow

MISSING_LABEL = "missing"
_LONGEST = 24  # characters of a label
_DECADES = 2  # that values cover at least where their scale is logarithmic


@dataclass(frozen=True, slots=True)
class Scale:
    """Places of values on an axis.

    Parameters
    ----------
    places : array of float
        One for each value; of numbers they are the numbers, nan where there is none that is finite.
    labels : tuple of str or None
        Of categories, which are at 0, 1, 2, …; None: it is a scale of numbers.
    is_log : bool
    """

    places: Numbers
    labels: tuple[str, ...] | None = None
    is_log: bool = False


def scale_of(values: Sequence[Any], is_log: bool | None = None) -> Scale:
    """Return where values are: numbers where they are, all else, truth too, as categories in sorted order.

    Parameters
    ----------
    values : sequence
    is_log : bool, optional
        Whether a scale of numbers is logarithmic. Default: where that spreads them more evenly.
    """
    if is_numeric(values):
        numbers = as_numbers(values)
        numbers[~np.isfinite(numbers)] = np.nan  # for which there is no place
        return Scale(numbers, None, spreads_by_log(numbers) if is_log is None else is_log)
    places, known = categories_of(values)
    return Scale(places, labels_of(known))


def is_numeric(values: Iterable[Any]) -> bool:
    """Whether all values that are not missing are numbers, and there is one that is finite."""
    present = [value for value in values if not is_missing(value)]
    if any(isinstance(value, bool | np.bool_) or not is_number(value) for value in present):
        return False
    return bool(np.isfinite(as_numbers(present)).any())


def categories_of(values: Sequence[Any]) -> tuple[Numbers, list[Any]]:
    """Return for each value which category it is of, and the categories: numbers, texts, others, missing."""
    first: dict[Any, Any] = {}
    keys = [group_key(value) for value in values]
    for key, value in zip(keys, values, strict=True):
        first.setdefault(key, value)
    known, known_keys = list(first.values()), list(first)
    order = sort_places(known, range(len(known)), False)
    rank = {known_keys[place]: float(nth) for nth, place in enumerate(order)}
    return np.array([rank[key] for key in keys]), [known[place] for place in order]


def spreads_by_log(numbers: Numbers) -> bool:
    """Whether numbers cover decades, and their median is nearer to the middle of those than of the range."""
    present = np.unique(numbers[np.isfinite(numbers)])
    if len(present) < 3 or present[0] <= 0 or present[-1] / present[0] < 10**_DECADES:
        return False
    logs = np.log(present)
    linear, by_log = (float((np.median(item) - item[0]) / (item[-1] - item[0])) for item in (present, logs))
    return abs(by_log - 0.5) < abs(linear - 0.5)


def logs_of(names: str | Collection[str] | None, drawn: Collection[str]) -> dict[str, bool] | None:
    """Return which of what is drawn is logarithmic, as `log=` says; None: as values look.

    Raises
    ------
    TypeError
        If it is neither a name nor a list of names.
    ValueError
        If one of them is not drawn.
    """
    if names is None:
        return None
    given = [names] if isinstance(names, str) else names
    if not isinstance(given, Collection) or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f"`log` must be a name or a list of names of what has a logarithmic axis, got {names!r}"
        )
    for name in given:
        if name not in drawn:
            raise ValueError(f"`log` has {name!r}, which is not drawn{did_you_mean(name, drawn)}")
    return dict.fromkeys(given, True)


def check_positive(name: str, scale: Scale) -> None:
    """Refuse a logarithmic axis of what has no logarithm."""
    if scale.labels is not None or bool((scale.places <= 0).any()):
        what = "is no number everywhere" if scale.labels is not None else "is not positive everywhere"
        raise ValueError(f"`log` has {name!r}, which {what}: choose others by `where`, or leave it out")


def labels_of(values: Sequence[Any]) -> tuple[str, ...]:
    """Return how values are written, each in another way, and short.

    Examples
    --------
    >>> labels_of([0.1, 1, None, 'rbf', '1'])
    ('0.1', '1', 'missing', 'rbf', "'1'")
    """
    texts = [_label(value) for value in values]
    if len(set(texts)) < len(texts):
        counts, pairs = Counter(texts), zip(values, texts, strict=True)
        texts = [_exact(value) if counts[text] > 1 else text for value, text in pairs]
    shown = [text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…" for text in texts]
    if len(set(shown)) < len(shown):
        counts = Counter(shown)
        shown = [f"{text} #{nth}" if counts[text] > 1 else text for nth, text in enumerate(shown)]
    return tuple(map(escaped, shown))


def _label(value: Any) -> str:
    if is_missing(value):
        return MISSING_LABEL
    if isinstance(value, float | np.floating):
        return f"{float(value):.4g}"
    return value if isinstance(value, str) and value and not value.startswith("_") else _exact(value)


def _exact(value: Any) -> str:
    if is_missing(value):
        return MISSING_LABEL
    if isinstance(value, ObjectRow):
        return f"{'array' if value.format == 'npy' else 'object'} of {value.size} bytes"
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, np.generic):
        return repr(value.item())
    return str(value) if isinstance(value, Opaque) or is_number(value) else str(Alias(value))


def escaped(text: str) -> str:
    """Return text as matplotlib shows it as it is: no formulas, nothing that cannot be printed."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown.replace("$", r"\$")


def ticks_between(low: float, high: float, is_log: bool) -> list[float]:
    """Return some round numbers from one to another."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    locator = LogLocator(subs=(1.0,), numticks=6) if is_log else MaxNLocator(4)
    found = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
    return found if len(found) > 1 else [low, high]


def share(places: Numbers, low: float, high: float, is_log: bool) -> Numbers:
    """Return where between two numbers others are, from 0 to 1; 0.5 where the two are equal."""
    if is_log:
        places, low, high = np.log(places), math.log(low), math.log(high)
    return np.full(len(places), 0.5) if high == low else (places - low) / (high - low)
