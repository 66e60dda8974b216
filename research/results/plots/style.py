"""Axes, colours and legends: what pictures have in common. Nothing here changes settings of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from research.results.plots.chosen import Numbers
from research.results.plots.scales import Scale, check_positive, escaped, scale_of, spreads_by_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

MAP = "viridis"  # from dark to light, also for who sees no red or green, and in grey
MARKERS = ("o", "s", "^")  # three, beside ten colours: those that look alike to some people differ in them
LINES = ("-", "--", ":")
MOST_COLORS = 20
_INSIDE = 5  # entries of a legend that find room in the axes
_MOST_TICKS = 24  # labels of categories
_WIDEST = 55  # characters that have room side by side below axes
_DARKEST, _LIGHTEST = 0.0, 0.9  # of the map: its end is too light on white


def needs_plot(*modules: str) -> None:
    """Refuse to draw where libraries are missing.

    Raises
    ------
    ImportError
        Names the extra.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"plots need {' and '.join(missing)}, which the extra `plot` brings: "
            "pip install 'domain-research[plot]'"
        )


def axes_of(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the axes that are given, or those of a new figure, which is shown where figures are shown.

    Parameters
    ----------
    ax : Axes or None
    width, height : float
        Of a new figure, in inches.
    """
    from matplotlib.axes import Axes

    if ax is not None:
        if not isinstance(ax, Axes):
            raise TypeError(f"`ax` must be the Axes of matplotlib to draw into, got {ax!r}")
        return ax
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    try:
        figure = pyplot.figure(figsize=(width, height), layout="constrained")
    except ImportError:  # a display was asked for by MPLBACKEND, and there is none
        figure = Figure(figsize=(width, height), layout="constrained")
    return figure.add_subplot()


def palette() -> list[tuple[float, float, float]]:
    """Return ten colours that people tell apart who do not see all of them."""
    import seaborn

    return [tuple(color) for color in seaborn.color_palette("colorblind")]


def colors_of(numbers: Numbers, is_log: bool | None = None) -> tuple[Any, ScalarMappable]:
    """Return colours of a map that stand for numbers, and the map with its range."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, LogNorm, Normalize

    present = numbers[np.isfinite(numbers)]
    cut = ListedColormap(colormaps[MAP](np.linspace(_DARKEST, _LIGHTEST, 256)))
    kind = LogNorm if (spreads_by_log(numbers) if is_log is None else is_log) else Normalize
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 1.0)
    mappable = ScalarMappable(kind(low, high if high > low else low + (abs(low) or 1.0)), cut)
    mappable.set_array(present)
    return mappable.to_rgba(np.ma.masked_invalid(numbers)), mappable


def add_colorbar(ax: Axes, mappable: ScalarMappable, name: str) -> None:
    """Put a bar of colours beside axes."""
    ax.figure.colorbar(mappable, ax=ax, label=escaped(name))


def add_legend(ax: Axes, handles: Sequence[Any], labels: Sequence[str], title: str) -> None:
    """Put a legend into axes, or beside them if it is long."""
    longest = max(map(len, (*labels, title)))
    if len(labels) <= _INSIDE and longest <= 16:
        ax.legend(handles, labels, title=escaped(title), framealpha=0.8)
        return
    ax.legend(
        handles,
        labels,
        title=escaped(title),
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        borderaxespad=0.0,
        frameon=False,
    )


def set_axis(ax: Axes, which: str, name: str, scale: Scale) -> None:
    """Label an axis, give it its scale, and its categories."""
    from matplotlib.ticker import MaxNLocator

    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_label_text(escaped(name))
    if scale.labels is not None:
        set_categories(ax, which, range(len(scale.labels)), scale.labels)
        (ax.set_xlim if which == "x" else ax.set_ylim)(-0.5, len(scale.labels) - 0.5)
    elif scale.is_log:
        check_positive(name, scale)
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    elif _are_integers(scale.places):
        axis.set_major_locator(MaxNLocator("auto", integer=True))


def _are_integers(places: Numbers) -> bool:
    present = places[np.isfinite(places)]
    return bool((present == np.round(present)).all())


def set_categories(ax: Axes, which: str, places: Sequence[float], labels: Sequence[str]) -> None:
    """Write categories at their places, some of them if they are many; long ones aslant."""
    step = -(-len(labels) // _MOST_TICKS)
    shown = list(labels[::step])
    if which == "y":
        ax.set_yticks(places[::step], shown)
        return
    is_tight = sum(map(len, shown)) > _WIDEST
    how: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if is_tight else {}
    ax.set_xticks(places[::step], shown, **how)


def as_scale(name: str, values: Sequence[Any], logs: dict[str, bool] | None) -> Scale:
    """Return where values are on the axis of a name, logarithmic as it was asked for."""
    scale = scale_of(values, None if logs is None else logs.get(name, False))
    if logs is not None and name in logs:
        check_positive(name, scale)
    return scale
