"""When a unit runs: the meaning of `when`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class When:
    """Iterations at which something is due.

    Parameters
    ----------
    every : tuple of int
        n stands for iterations n-1, 2n-1, ….
    at : frozenset of int
        Iterations by their zero-based numbers.
    last : bool
        The last iteration, whichever that is.
    """

    every: tuple[int, ...] = ()
    at: frozenset[int] = frozenset()
    last: bool = False

    @property
    def always(self) -> bool:
        """Whether it is due at every iteration."""
        return 1 in self.every

    def is_due(self, iteration: int, is_last: bool) -> bool:
        """Whether it is due at a zero-based iteration."""
        if (self.last and is_last) or iteration in self.at:
            return True
        return any((iteration + 1) % period == 0 for period in self.every)


def parse_when(when: Any, name: str = "when") -> When:
    """Read `when`: 1, n, '%5' or '#5', 'last', or a list of these.

    Parameters
    ----------
    when : int, str, or list of them
        `n`: every n-th iteration; '%5' and '#5': iteration 5, counted from zero; 'last': the last one.
    name : str
        What the argument is called, for the text of errors.

    Raises
    ------
    ValueError
        If it means nothing.

    Examples
    --------
    >>> due = parse_when([10, '%0', 'last'])
    >>> [iteration for iteration in range(25) if due.is_due(iteration, iteration == 24)]
    [0, 9, 19, 24]
    """
    every, at, last = [], [], False
    for item in when if isinstance(when, list | tuple) else [when]:
        if isinstance(item, int) and not isinstance(item, bool) and item > 0:
            every.append(item)
        elif item == "last":
            last = True
        elif isinstance(item, str) and item[:1] in ("%", "#") and item[1:].isascii() and item[1:].isdigit():
            at.append(int(item[1:]))
        else:
            raise ValueError(
                f"`{name}` must be a positive int (every n-th iteration), '%n' or '#n' (iteration n, "
                f"counted from zero), 'last', or a list of these, got {when!r}"
            )
    if not (every or at or last):
        raise ValueError(f"`{name}` must name at least one iteration, got {when!r}")
    return When(tuple(every), frozenset(at), last)


def parse_dump(dump: Any) -> When | None:
    """Read `dump`, which is as `when`; None: never."""
    return None if dump is None else parse_when(dump, "dump")
