"""Canonical texts of configs, put together from those of their values, without the configs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from research.domain.factors import Column, Factor
from research.domain.grids import is_flat
from research.domain.hashing import canonical_text

_LARGEST_LIST = 2**16  # texts of a parameter's values that are kept
_SHORT_RANGE = 2**12  # numbers whose texts are made in a moment, whether they are asked for or not


class GridTexts:
    """Canonical texts of a grid's configs by their numbers: `Config.canonical` of each.

    A value's text is made once, not once for each config that has it.

    Parameters
    ----------
    radices : sequence of (Column, int, int)
        Parameters with strides and lengths; their values are no groups of parameters.
    """

    __slots__ = ("_format", "_parts")

    def __init__(self, radices: Sequence[tuple[Column, int, int]]) -> None:
        ordered = sorted(radices, key=lambda radix: radix[0].names)
        names = [canonical_text(column.names[0]) for column, _, _ in ordered]
        fields = ",".join(f"{name.replace('%', '%%')}:%s" for name in names)
        self._format = f"{{{fields}}}"
        self._parts = [(stride, length, _texts(column)) for column, stride, length in ordered]

    def __call__(self, number: int) -> str:
        return self._format % tuple(
            [text_of(number // stride % length) for stride, length, text_of in self._parts]
        )


def _texts(column: Column) -> Callable[[int], str]:
    """Return a function from the number of a value to its text."""
    values = column.values
    if isinstance(values, range):
        if len(values) > _SHORT_RANGE:
            return lambda number: str(values[number])
        return list(map(str, values)).__getitem__
    if len(values) > _LARGEST_LIST:
        return lambda number: canonical_text(values[number])
    texts = [column.text(value)[len(canonical_text(column.names[0])) + 2 : -1] for value in values]
    return texts.__getitem__


def _unknown(number: int) -> None:
    """Stand for texts that only configs have."""


def grid_texts(radices: Sequence[tuple[Factor, int, int]]) -> Callable[[int], str | None]:
    """Return what gives the canonical texts of a product's configs; they are None if it is no such grid.

    Parameters
    ----------
    radices : sequence of (Factor, int, int)
        Factors with strides and lengths.
    """
    columns: list[tuple[Column, int, int]] = []
    for factor, stride, length in radices:
        if not isinstance(factor, Column) or not is_flat(factor.values):
            return _unknown
        columns.append((factor, stride, length))
    return GridTexts(columns)
