"""Text for terminals, and for those who read it by other programs."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence

import click

NARROWEST = 8  # to which a column is cut
_GAP = "  "
_COLORS = {"done": "green", "running": "cyan", "failed": "red", "lost": "red", "timeout": "red"}
_COLORS |= {"broken": "red", "killed": "red", "stopped": "yellow", "pruned": "green"}
_UNITS = ((86400 * 365, "years"), (86400, "days"), (3600, "hours"), (60, "minutes"))


def clean(value: object) -> str:
    """Return text in one line, in which nothing moves a terminal's cursor: it is shown as Python shows it."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def terminal_width() -> int | None:
    """Return how many columns there are to print in; None where it is not a terminal that reads."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_table(
    names: Sequence[str],
    rows: Iterable[Sequence[object]],
    right: Collection[str] = (),
    style: Callable[[str, str], str | None] = lambda name, text: None,
) -> None:
    """Print aligned columns, as wide as the terminal is.

    Long cells are cut; then columns in the middle are left out, which stderr is told.

    Parameters
    ----------
    names : sequence of str
    rows : iterable of sequences
    right : collection of str
        Columns that are aligned at the right, as numbers are.
    style : callable, optional
        Returns the colour of a cell, of its column and text.
    """
    names = [clean(name) for name in names]
    cells = [[clean(value) for value in row] for row in rows]
    columns = [[name, *(row[place] for row in cells)] for place, name in enumerate(names)]
    widths, kept = fit([max(map(_width, column)) for column in columns], terminal_width())
    for number in range(len(cells) + 1):
        line = []
        for place in kept:
            text = _cut(columns[place][number], widths[place])
            space = " " * (widths[place] - _width(text))
            color = style(names[place], columns[place][number]) if number else None
            shown = click.style(text, fg=color, bold=not number or None) if color or not number else text
            line.append(f"{space}{shown}" if names[place] in right else f"{shown}{space}")
        click.echo(_GAP.join(line).rstrip())
    if len(kept) < len(names):
        hidden = ", ".join(name for place, name in enumerate(names) if place not in kept)
        click.echo(f"({len(names) - len(kept)} columns do not fit: {hidden})", err=True)


def fit(widths: Sequence[int], room: int | None) -> tuple[list[int], list[int]]:
    """Return the widths that columns get, and the places of those that are shown.

    Examples
    --------
    >>> fit([4, 30, 20], 40)
    ([4, 16, 16], [0, 1, 2])
    >>> fit([16, 5, 9, 9, 9], 40)
    ([8, 5, 8, 8, 8], [0, 1, 3, 4])
    """
    widths, kept = list(widths), list(range(len(widths)))
    if room is None:
        return widths, kept

    def total() -> int:
        return sum(widths[place] for place in kept) + len(_GAP) * (len(kept) - 1)

    while total() > room:
        widest = max((widths[place] for place in kept), default=0)
        if widest <= NARROWEST:
            break
        next_one = max([width for width in widths if width < widest] + [NARROWEST])
        own = [place for place in kept if widths[place] == widest]
        by = max(1, min(widest - next_one, -(-(total() - room) // len(own))))
        for place in own:
            widths[place] = widest - by
    while total() > room and len(kept) > 2:
        kept.pop(len(kept) // 2)
    return widths, kept


def status_color(name: str, text: str) -> str | None:
    """Return the colour of a status, in a column of that name."""
    return _COLORS.get(text) if name == "status" else None


def show_status(status: str) -> str:
    """Return a status in its colour."""
    return click.style(status, fg=_COLORS.get(status))


def describe_counts(counts: dict[str, int]) -> str:
    """Say how many experiments have which status."""
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"


def describe_age(seconds: float) -> str:
    """Say how long ago something was.

    Examples
    --------
    >>> describe_age(5), describe_age(200), describe_age(86400 * 3)
    ('5 seconds', '3 minutes', '3 days')
    """
    for size, name in _UNITS:
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {name}"
    number = max(0, int(seconds))
    return f"{number} second{'' if number == 1 else 's'}"


def ago(moment: float | None) -> str:
    """Say how long ago a moment was, in seconds since the epoch."""
    return "" if moment is None else f"{describe_age(time.time() - moment)} ago"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return f"{text}…"
