"""How much a variable depends on each parameter, as a forest of decision trees sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from research.results.plots.chosen import Chosen
from research.results.plots.scales import categories_of, escaped
from research.results.plots.style import axes_of, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LEAST = 10  # experiments
_MOST = 5000
_PARTS = 5
_SHUFFLES = 5
_TREES = 50


class Importance(NamedTuple):
    """What is lost of the explained variance if a parameter's values are shuffled: mean and spread."""

    name: str
    mean: float
    std: float


def draw_importance(chosen: Chosen, metric: str, ax: Axes | None) -> Axes:
    """Draw what `Plots.importance` says."""
    found = sorted(importances(chosen, metric), key=lambda item: item.mean)
    ax = axes_of(ax, height=max(2.6, 0.42 * len(found) + 1.3))
    names = [escaped(item.name) for item in found]
    means = [item.mean for item in found]
    ax.barh(
        range(len(found)),
        means,
        xerr=[item.std for item in found],
        color=palette()[0],
        ecolor="0.3",
        capsize=3,
        height=0.7,
    )
    ax.set_yticks(range(len(found)), names)
    ax.axvline(0, color="0.3", linewidth=0.8)
    ax.set_xlabel(f"loss of R² of {escaped(metric)} if shuffled")
    return ax


def importances(chosen: Chosen, metric: str) -> list[Importance]:
    """Return how important each parameter is that has several values.

    Experiments are parted in five, those of one config together. For each part a forest learns from the
    others, and says what is to be expected of this one: with its parameters as they are, and with one of them
    shuffled over all experiments.

    Raises
    ------
    ValueError
        If there are too few experiments, all numbers are the same, or no parameter has several values.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold

    numbers = chosen.numbers(metric)
    places = np.flatnonzero(np.isfinite(numbers))
    if len(places) < _LEAST:
        raise ValueError(
            f"{len(places)} experiments have a number as {metric!r}: it takes {_LEAST} to see what is "
            "important"
        )
    random = np.random.default_rng(0)
    if len(places) > _MOST:
        places = np.sort(random.choice(places, _MOST, replace=False))
    ranks = {name: categories_of(chosen.values(name))[0][places] for name in chosen.varied(metric)}
    names = [name for name, column in ranks.items() if len(np.unique(column)) > 1]
    if not names:
        raise ValueError("no parameter has several values, of which one could be important")
    target = numbers[places]
    if target.min() == target.max():
        raise ValueError(f"{metric!r} is {target[0]:g} in all experiments: nothing is important to it")
    target = target / np.abs(target).max()  # so that squares are numbers
    target -= target.mean()
    features = np.column_stack([ranks[name] for name in names])  # (trees ask for order alone)
    _, groups = np.unique(features, axis=0, return_inverse=True)
    parts = GroupKFold(min(_PARTS, int(groups.max()) + 1), shuffle=True, random_state=0)
    shuffled = [[random.permutation(column) for _ in range(_SHUFFLES)] for column in features.T]
    plain = np.empty(len(target))
    changed = np.empty((len(names), _SHUFFLES, len(target)))
    for learned, asked in parts.split(features, target, groups):
        forest = RandomForestRegressor(_TREES, random_state=0).fit(features[learned], target[learned])
        plain[asked] = forest.predict(features[asked])
        for nth, columns in enumerate(shuffled):
            others = np.tile(features[asked], (_SHUFFLES, 1))
            others[:, nth] = np.concatenate([column[asked] for column in columns])
            changed[nth, :, asked] = forest.predict(others).reshape(_SHUFFLES, -1).T
    whole = r2_score(target, plain)
    lost = np.array([[whole - r2_score(target, found) for found in own] for own in changed])
    return [
        Importance(name, float(own.mean()), float(own.std())) for name, own in zip(names, lost, strict=True)
    ]
