"""Parallel coordinates: a line through each experiment's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from research.results.comparing import is_missing
from research.results.plots.chosen import Chosen, Numbers
from research.results.plots.scales import MISSING_LABEL, Scale, escaped, labels_of, share, ticks_between
from research.results.plots.style import add_colorbar, as_scale, axes_of, colors_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LINES = 1000
_MOST_LABELS = 12  # of categories of an axis
_MOST_TICKS = 6  # numbers that are written, each; else round ones are
_FAN = 0.05  # over which lines of one value are spread
_BELOW = -0.12  # where numbers are missing


def draw_parallel(
    chosen: Chosen, metric: str, names: Sequence[str] | None, logs: dict[str, bool] | None, ax: Axes | None
) -> Axes:
    """Draw what `Plots.parallel` says."""
    from matplotlib.collections import LineCollection

    numbers = chosen.numbers(metric)
    order = np.argsort(numbers, kind="stable")
    order = order[np.isfinite(numbers[order])]
    if len(order) > _MOST_LINES:  # so many, evenly by their ranks, the least and the greatest among them
        order = order[np.linspace(0, len(order) - 1, _MOST_LINES).round().astype(int)]
    names = (chosen.varied(metric) or chosen.parameters) if names is None else tuple(names)
    if not names:
        raise ValueError("there is nothing to draw: the experiments have no parameters")
    columns = [*names, metric]
    heights, ticks = [], []
    for name in columns:
        values = chosen.values(name)
        scale = as_scale(name, values, logs)
        placed, own = _placed(scale, values, order)
        heights.append(placed)
        ticks.append(own)

    ax = axes_of(ax, max(6.4, 1.3 * len(columns) + 1.5))
    is_log = None if logs is None else logs.get(metric, False)
    colors, mappable = colors_of(numbers[order], is_log)
    places = np.arange(len(columns), dtype=float)
    lines = [np.column_stack([places, line]) for line in np.column_stack(heights)]
    alpha = float(np.clip(60 / len(lines), 0.25, 0.9))
    ax.add_collection(
        LineCollection(lines, colors=colors, alpha=alpha, linewidths=1.2, rasterized=len(lines) > 300)
    )
    for place, own in enumerate(ticks):
        _draw_axis(ax, place, own)
    lowest = min(height for own in ticks for height, _ in own)
    ax.set_xlim(-0.25, len(columns) - 0.65)
    ax.set_ylim(min(lowest, 0.0) - 0.06, 1.06)
    ax.set_xticks(places, [escaped(name) for name in columns])
    if sum(map(len, columns)) > 60:
        ax.tick_params(axis="x", labelrotation=20)
    ax.set_yticks([])
    ax.tick_params(axis="x", length=0)
    ax.spines[:].set_visible(False)
    add_colorbar(ax, mappable, metric)
    return ax


def _placed(
    scale: Scale, values: Sequence[Any], order: np.ndarray[Any, Any]
) -> tuple[Numbers, list[tuple[float, str]]]:
    """Return heights of experiments on an axis, and its ticks: heights and labels."""
    places = scale.places[order]
    if scale.labels is not None:
        last = max(len(scale.labels) - 1, 1)
        start = 0.0 if len(scale.labels) > 1 else 0.5
        step = -(-len(scale.labels) // _MOST_LABELS)
        ticks = [(start + nth / last, label) for nth, label in enumerate(scale.labels) if nth % step == 0]
        return _fanned(start + places / last), ticks
    present = scale.places[np.isfinite(scale.places)]
    low, high = float(present.min()), float(present.max())
    heights = share(places, low, high, scale.is_log)
    heights[np.isnan(heights)] = _BELOW
    known = np.unique(present)
    marks = known.tolist() if len(known) <= _MOST_TICKS else ticks_between(low, high, scale.is_log)
    at = share(np.array(marks), low, high, scale.is_log)
    ticks = list(zip(at.tolist(), labels_of(marks), strict=True))
    if any(is_missing(values[place]) or not np.isfinite(scale.places[place]) for place in order):
        ticks.insert(0, (_BELOW, MISSING_LABEL))
    return _fanned(heights), ticks


def _fanned(heights: Numbers) -> Numbers:
    """Return heights with equal ones fanned out, in their order, where there are few different ones."""
    known, kinds, counts = np.unique(heights, return_inverse=True, return_counts=True)
    if len(known) > _MOST_LABELS:
        return heights
    room = min(_FAN, 0.3 * float(np.diff(known).min())) if len(known) > 1 else _FAN
    fanned = heights.copy()
    for kind in np.flatnonzero(counts > 1):
        own = kinds == kind
        fanned[own] += np.linspace(-room / 2, room / 2, int(counts[kind]))
    return fanned


def _draw_axis(ax: Axes, place: float, ticks: Sequence[tuple[float, str]]) -> None:
    """Draw an upright axis with its ticks, labels over the lines."""
    heights = [height for height, _ in ticks]
    ax.plot([place, place], [min(0.0, *heights), 1.0], color="0.25", linewidth=1.0, zorder=3)
    for height, label in ticks:
        ax.annotate(
            label,
            (place, height),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            zorder=4,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        )
    ax.plot([place] * len(heights), heights, "_", color="0.25", markersize=7, zorder=3)
