"""A picture of how good the best groups of generations are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from research.groups.scores import Generation
from research.results.plots.scales import escaped
from research.results.plots.style import LINES, MARKERS, add_legend, needs_plot, palette
from research.whole import write_whole


def draw_history(found: Sequence[Generation], name: str, path: str | Path) -> None:
    """Draw the best of each generation as points, and the best so far as a line, for each data set.

    Parameters
    ----------
    found : sequence of Generation
    name : str
        Of what is good.
    path : str or path
        Of a picture, whose kind its suffix tells.

    Raises
    ------
    ImportError
        If there is nothing to draw with.
    ValueError
        If there are no pictures of such a suffix.
    """
    needs_plot("matplotlib", "seaborn")
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    kinds = figure.canvas.get_supported_filetypes()
    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in kinds:
        raise ValueError(f"`plot` must be the path of a picture, as best.png or best.svg, got {str(path)!r}")
    ax = figure.add_subplot()
    colors = palette()
    names = list(dict.fromkeys(item.dataset for item in found))
    handles = []
    for number, dataset in enumerate(names):
        own = [item for item in found if item.dataset == dataset]
        color, again = colors[number % len(colors)], number // len(colors)
        places = [item.generation for item in own]
        ax.plot(places, [item.value for item in own], MARKERS[again % len(MARKERS)], color=color)
        handles += ax.plot(places, [item.so_far for item in own], LINES[again % len(LINES)], color=color)
    ax.set_xlabel("generation")
    ax.set_ylabel(escaped(name))
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    if len(names) > 1:
        add_legend(ax, handles, [escaped(str(dataset)) for dataset in names], "data")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    write_whole(Path(path), buffer.getvalue())
