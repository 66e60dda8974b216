"""Curves over iterations, with bands."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from research.results.plots.chosen import Chosen, Numbers, as_numbers, no_numbers
from research.results.plots.scales import categories_of, escaped, is_numeric, labels_of
from research.results.plots.style import (
    LINES,
    MOST_COLORS,
    add_colorbar,
    add_legend,
    axes_of,
    colors_of,
    palette,
)
from research.results.values import Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BANDS = ("std", "sem", "range")
_MOST_POINTS = 1000  # of a line: a screen shows no more
_MOST_IN_LEGEND = 10  # numbers that are listed; of more there is a bar of colours
_MOST_LINES = 500
_FEW = 6  # bands that can be seen one over the other


class Curve(NamedTuple):
    """Means at iterations, with the lower and upper limits of what is shown around them."""

    iterations: Numbers
    means: Numbers
    low: Numbers
    high: Numbers


def draw_curves(
    chosen: Chosen, variable: str, by: Sequence[str] | None, band: str | None, ax: Axes | None
) -> Axes:
    """Draw what `Plots.curves` says."""
    if band is not None and band not in BANDS:
        raise ValueError(f"`band` must be one of {', '.join(map(repr, BANDS))} or None, got {band!r}")
    names = chosen.varied(variable) if by is None else tuple(by)
    groups = _sorted(chosen, names)
    is_number = len(names) == 1 and is_numeric([values[0] for values, _ in groups])
    most = _MOST_LINES if is_number else MOST_COLORS
    if len(groups) > most:
        raise ValueError(
            f"these would be {len(groups)} curves, one for each {_joined(names)}, of which {most} at most "
            "can be told apart: give `by` fewer names, or leave out experiments by `where`"
        )
    series = chosen.series(variable)
    parts = [[series[number] for number in numbers if number in series] for _, numbers in groups]
    curves = [curve_of(part, band) for part in parts]
    if not any(len(curve.iterations) for curve in curves):
        raise no_numbers(len(chosen), variable)

    from matplotlib.ticker import MaxNLocator

    ax = axes_of(ax)
    labels = _labels([values for values, _ in groups])
    colors: Any = palette()
    mappable = None
    if is_number and len(groups) > _MOST_IN_LEGEND:
        colors, mappable = colors_of(as_numbers([values[0] for values, _ in groups]))
    elif is_number:  # in their order, as some may be close to each other
        colors, _ = colors_of(np.arange(len(groups), dtype=np.float64), False)
    alpha = 0.2 if len(groups) <= _FEW else 0.08
    handles = []
    shown = [nth for nth, curve in enumerate(curves) if len(curve.iterations)]
    for nth in shown:
        curve = thinned(curves[nth], _MOST_POINTS)
        color = colors[nth % len(colors)]
        style = "-" if is_number else LINES[nth % len(LINES)]
        marker = "o" if len(curve.iterations) == 1 else None
        handles += ax.plot(
            curve.iterations,
            curve.means,
            color=color,
            linestyle=style,
            marker=marker,
            label=labels[nth] or None,
        )
        if band is not None and np.isfinite(curve.low).any():
            ax.fill_between(curve.iterations, curve.low, curve.high, color=color, alpha=alpha, linewidth=0)
    ax.set_xlabel("iteration")
    ax.set_ylabel(escaped(variable))
    ends = {float(end) for nth in shown for end in curves[nth].iterations[[0, -1]]}
    if len(ends) == 1 and ax.get_autoscalex_on():
        ax.set_xlim(min(ends) - 1, min(ends) + 1)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if mappable is not None:
        add_colorbar(ax, mappable, names[0])
    elif names:
        add_legend(ax, handles, [labels[nth] for nth in shown], ", ".join(names))
    return ax


def _joined(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))


def _sorted(chosen: Chosen, names: Sequence[str]) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Return groups of experiments in the order of their values."""
    groups = chosen.groups(names)
    order = list(range(len(groups)))
    for place in reversed(range(len(names))):
        ranks, _ = categories_of([values[place] for values, _ in groups])
        order.sort(key=ranks.__getitem__)
    return [groups[nth] for nth in order]


def _labels(groups: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return a label for each group: its values, with commas between them."""
    columns = []
    for values in zip(*groups, strict=True):
        ranks, known = categories_of(values)
        labels = labels_of(known)
        columns.append([labels[int(rank)] for rank in ranks])
    return [", ".join(own) for own in zip(*columns, strict=True)] if columns else [""] * len(groups)


def curve_of(series: Sequence[Series], band: str | None) -> Curve:
    """Return the mean of series at each iteration at which there is a number, and its band.

    Parameters
    ----------
    series : sequence of Series
    band : 'std', 'sem', 'range' or None
        The limits: the mean and less or more by a standard deviation (of a sample) or a standard error; or
        the least and the greatest. nan where there is one number only.
    """
    if not series:
        empty = np.empty(0)
        return Curve(empty, empty, empty, empty)
    iterations = np.concatenate([item.iterations for item in series])
    values = np.concatenate([as_numbers(item.values) for item in series])
    present = ~np.isnan(values)
    known, owners = np.unique(iterations[present], return_inverse=True)
    values = values[present]
    counts = np.bincount(owners, minlength=len(known))
    with np.errstate(all="ignore"):  # (infinities)
        means = np.bincount(owners, values, len(known)) / counts
        if band == "range":
            low, high = np.full(len(known), np.inf), np.full(len(known), -np.inf)
            np.minimum.at(low, owners, values)
            np.maximum.at(high, owners, values)
        else:
            squares = np.bincount(owners, (values - means[owners]) ** 2, len(known))
            spread = np.sqrt(squares / (counts - 1))
            spread = spread / np.sqrt(counts) if band == "sem" else spread
            low, high = means - spread, means + spread
    is_alone = (counts < 2) | ~np.isfinite(means)
    low[is_alone] = high[is_alone] = np.nan
    means[~np.isfinite(means)] = np.nan  # a gap
    if np.isnan(means).all():
        known, means, low, high = known[:0], means[:0], low[:0], high[:0]
    return Curve(known.astype(np.float64), means, low, high)


def thinned(curve: Curve, most: int) -> Curve:
    """Return a curve with fewer points: of each stretch the least and the greatest mean, and both ends.

    What is left are points of the curve, and its spikes are among them.
    """
    length = len(curve.means)
    if length <= most:
        return curve
    kept = [0, length - 1]
    bounds = np.linspace(0, length, (most - 2) // 2 + 1).astype(int)
    for start, stop in pairwise(bounds.tolist()):
        part = curve.means[start:stop]
        if np.isnan(part).all():
            kept.append(start)
        else:
            kept += [start + int(np.nanargmin(part)), start + int(np.nanargmax(part))]
    places = np.unique(kept)
    return Curve(*(values[places] for values in curve))
