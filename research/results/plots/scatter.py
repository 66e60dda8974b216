"""A point for each experiment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from research.results.comparing import is_missing
from research.results.plots.chosen import Chosen, Numbers, as_numbers
from research.results.plots.scales import Scale, categories_of, is_numeric, labels_of
from research.results.plots.style import (
    MARKERS,
    MOST_COLORS,
    add_colorbar,
    add_legend,
    as_scale,
    axes_of,
    colors_of,
    palette,
    set_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GOLDEN = (5**0.5 - 1) / 2
_APART = 0.4  # of the room of a category, over which its points are spread
_MANY = 5000  # points, which are drawn as one picture, not one by one


def draw_scatter(
    chosen: Chosen, x: str, y: str, color: str | None, logs: dict[str, bool] | None, ax: Axes | None
) -> Axes:
    """Draw what `Plots.scatter` says."""
    x_scale, y_scale = (as_scale(name, chosen.values(name), logs) for name in (x, y))
    present = np.isfinite(x_scale.places) & np.isfinite(y_scale.places)
    if not present.any() or any(all(map(is_missing, chosen.values(name))) for name in (x, y)):
        raise ValueError(
            f"there is nothing to draw: of {len(chosen)} experiments none has both {x!r} and {y!r}"
        )
    values = None if color is None else chosen.values(color)
    if color is not None and values is not None:
        as_scale(color, values, logs)  # refuses logarithms of what has none
    kinds, known = (np.zeros(len(chosen)), [None]) if values is None else categories_of(values)
    is_number = values is not None and is_numeric(values)
    if not is_number and len(known) > MOST_COLORS:
        raise ValueError(
            f"`color`={color!r} has {len(known)} different values that are no numbers, of which "
            f"{MOST_COLORS} at most can be told apart: leave some out by `where`"
        )
    across, up = _spread(x_scale), _spread(y_scale)
    count = int(present.sum())
    look: dict[str, Any] = {
        "s": float(np.clip(20_000 / count, 4, 36)),
        "alpha": float(np.clip(2000 / count, 0.2, 0.85)),
        "linewidths": 0,
        "rasterized": count > _MANY,
    }
    from matplotlib.lines import Line2D

    ax = axes_of(ax)
    if is_number and values is not None and color is not None:
        numbers = as_numbers(values)
        known_ones = present & np.isfinite(numbers)
        colors, mappable = colors_of(numbers[known_ones], None if logs is None else logs.get(color, False))
        unknown = present & ~known_ones
        if unknown.any():
            ax.scatter(across[unknown], up[unknown], color="0.6", marker="x", **{**look, "linewidths": 1})
        ax.scatter(across[known_ones], up[known_ones], c=colors, **look)
        add_colorbar(ax, mappable, color)
    else:
        _draw_kinds(ax, across[present], up[present], kinds[present].astype(int), look)
        if color is not None:
            shown = [int(nth) for nth in np.unique(kinds[present])]
            marks = [
                Line2D([], [], linestyle="", marker=_marker(nth, count), color=_color(nth)) for nth in shown
            ]
            add_legend(ax, marks, [labels_of(known)[nth] for nth in shown], color)
    set_axis(ax, "x", x, x_scale)
    set_axis(ax, "y", y, y_scale)
    return ax


def _draw_kinds(
    ax: Axes, across: Numbers, up: Numbers, kinds: np.ndarray[Any, Any], look: dict[str, Any]
) -> None:
    if len(kinds) > _MANY:  # all in one go, so that none hides all others
        colors = np.array([_color(nth) for nth in range(int(kinds.max()) + 1)])
        ax.scatter(across, up, c=colors[kinds], **look)
        return
    for nth in np.unique(kinds).tolist():
        own = kinds == nth
        ax.scatter(across[own], up[own], color=_color(nth), marker=_marker(nth, len(kinds)), **look)


def _color(nth: int) -> tuple[float, float, float]:
    colors = palette()
    return colors[nth % len(colors)]


def _marker(nth: int, count: int) -> str:
    return MARKERS[nth % len(MARKERS)] if count <= _MANY else "o"


def _spread(scale: Scale) -> Numbers:
    """Return places at which points can be told apart: those of one category stand side by side.

    The n-th is put at the n-th multiple of the golden ratio, less its integers, which fills a range evenly.
    """
    if scale.labels is None:
        return scale.places
    within = np.zeros(len(scale.places))
    for category in np.unique(scale.places):
        own = scale.places == category
        nth = np.arange(int(own.sum()))
        within[own] = ((nth * _GOLDEN + 0.5) % 1 - 0.5) * _APART
    return scale.places + within
