"""Means of a variable over pairs of values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.results.plots.chosen import Chosen, Numbers
from research.results.plots.scales import MISSING_LABEL, Scale, categories_of, escaped, labels_of
from research.results.plots.style import MAP, as_scale, axes_of, set_categories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_VALUES = 30  # numbers of an axis; more of them are put together in ranges
_N_RANGES = 12
_MOST_CATEGORIES = 100
_MOST_WRITTEN = 150  # cells
_TOO_SMALL, _TOO_LARGE = 1e-2, 1e5  # numbers that are written with an exponent


def _mean(values: Numbers) -> float:
    return float(values.mean())


HOW: dict[str, Callable[[Numbers], float]] = {
    "mean": _mean,
    "median": lambda values: float(np.median(values)),
    "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
    "std": lambda values: float(values.std(ddof=1)) if len(values) > 1 else np.nan,
    "count": lambda values: float(len(values)),
}


class _Cells(NamedTuple):
    """In which row or column each experiment is, how many there are, and what is written where."""

    of: np.ndarray[Any, Any]
    length: int
    ticks: Sequence[float]
    labels: Sequence[str]


def draw_heatmap(
    chosen: Chosen, x: str, y: str, value: str, how: str, logs: dict[str, bool] | None, ax: Axes | None
) -> Axes:
    """Draw what `Plots.heatmap` says."""
    import seaborn

    if how not in HOW:
        raise ValueError(f"`how` must be one of {', '.join(map(repr, HOW))}, got {how!r}")
    numbers = chosen.numbers(value)
    columns, rows = (_cells(name, chosen.values(name), logs) for name in (x, y))
    cells = np.full((rows.length, columns.length), np.nan)
    found: dict[tuple[int, int], list[float]] = {}
    for row, column, number in zip(rows.of, columns.of, numbers, strict=True):
        if np.isfinite(number):
            found.setdefault((row, column), []).append(number)
    for place, own in found.items():
        cells[place] = HOW[how](np.array(own))
    if np.isnan(cells).all():
        raise ValueError(f"there is nothing to draw: no cell has the experiments that `how`={how!r} takes")

    is_written = cells.size <= _MOST_WRITTEN
    width, height = 0.62 * columns.length + 2.6, 0.42 * rows.length + 1.6
    ax = axes_of(ax, float(np.clip(width, 5.0, 12.0)), float(np.clip(height, 3.4, 10.0)))
    name = value if how == "mean" else f"{how} of {value}"
    seaborn.heatmap(
        cells,
        ax=ax,
        cmap=MAP,
        annot=is_written,
        fmt=_format(cells),
        annot_kws={"fontsize": "small"},
        linewidths=0.5 if is_written else 0.0,
        xticklabels=False,
        yticklabels=False,
        cbar_kws={"label": escaped(name)},
        rasterized=cells.size > 2500,
    )
    ax.invert_yaxis()  # small numbers below
    ax.set_facecolor("0.92")  # where there is no experiment
    set_categories(ax, "x", columns.ticks, columns.labels)
    set_categories(ax, "y", rows.ticks, rows.labels)
    ax.set_xlabel(escaped(x))
    ax.set_ylabel(escaped(y))
    return ax


def _format(cells: Numbers) -> str:
    """Return how numbers are written: three digits of the greatest, and as many places of all others."""
    greatest = float(np.nanmax(np.abs(cells)))
    if bool((cells == np.round(cells))[~np.isnan(cells)].all()) and greatest < _TOO_LARGE:
        return ".0f"
    if not _TOO_SMALL <= greatest < _TOO_LARGE:
        return ".2g"
    return f".{max(0, 2 - math.floor(math.log10(greatest)))}f"


def _cells(name: str, values: Sequence[Any], logs: dict[str, bool] | None) -> _Cells:
    places, known = categories_of(values)
    if len(known) > _MOST_VALUES:
        scale = as_scale(name, values, logs)
        if scale.labels is None:
            return _ranges(scale)
    if len(known) > _MOST_CATEGORIES:
        raise ValueError(
            f"{name!r} has {len(known)} different values that are no numbers, of which {_MOST_CATEGORIES} at "
            "most have room on an axis: leave some out by `where`"
        )
    return _Cells(places.astype(int), len(known), [n + 0.5 for n in range(len(known))], labels_of(known))


def _ranges(scale: Scale) -> _Cells:
    """Put numbers together in ranges of equal width; what is missing has a place of its own, the last."""
    present = scale.places[np.isfinite(scale.places)]
    space = np.geomspace if scale.is_log else np.linspace
    edges = space(present.min(), present.max(), _N_RANGES + 1)
    cells = np.clip(np.searchsorted(edges, scale.places, "right") - 1, 0, _N_RANGES - 1)
    count, ticks = _N_RANGES, [float(n) for n in range(_N_RANGES + 1)]
    labels = [f"{edge:.3g}" for edge in edges]
    if len(present) < len(scale.places):
        cells[~np.isfinite(scale.places)] = count
        count, ticks, labels = count + 1, [*ticks, count + 0.5], [*labels, MISSING_LABEL]
    return _Cells(cells, count, ticks, labels)
