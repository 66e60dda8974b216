"""Command lines that run a program for groups and data sets."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Sequence

from research.errors import did_you_mean
from research.experiment.placeholders import Piece, read_pieces
from research.groups.reports import DATA, DATABASE, GROUP

_BARE = re.compile(r"(?<!\{)\{\}(?!\})")
_NAMES = {"data": "dataset", "dataset": "dataset", "group": "group", "python": "python"}


def words_of(template: str) -> list[tuple[Piece, ...]]:
    """Read a command line with placeholders: `{data}`, or `{}`, and `{group}`.

    Raises
    ------
    ValueError
        If it is none.
    """
    what = f"the command {template!r}"
    try:
        words = shlex.split(_BARE.sub("{data}", template))
    except ValueError as error:
        raise ValueError(f"{what} cannot be split into words: {error}") from None
    if not words:
        raise ValueError(f"{what} is empty")
    found = [read_pieces(word, what) for word in words]
    for piece in (piece for word in found for piece in word):
        if piece.name is not None and (piece.name not in _NAMES or piece.form):
            near = did_you_mean(piece.name, ["data", "group", "python"])
            raise ValueError(
                f"{what} has a placeholder {piece.name!r}; parameters are read from the database{near}"
            )
    return found


def for_study(template: str) -> list[str]:
    """Return the words of a command as `add_command` takes them."""
    found = []
    for word in words_of(template):
        texts = [
            braced(piece.text) + (f"{{{_NAMES[piece.name]}}}" if piece.name is not None else "")
            for piece in word
        ]
        found.append("".join(texts))
    return found


def braced(text: str) -> str:
    """Write braces that are no placeholders."""
    return text.replace("{", "{{").replace("}", "}}")


def shell_lines(template: str, place: str, groups: Sequence[str], datasets: Sequence[str]) -> Iterator[str]:
    """Return a line for each group and data set, in which no value is read as anything else by a shell."""
    words = words_of(template)
    for group in groups:
        for dataset in datasets:
            values = {"dataset": dataset, "group": group, "python": sys.executable}
            filled = [
                "".join(
                    piece.text + ("" if piece.name is None else values[_NAMES[piece.name]]) for piece in word
                )
                for word in words
            ]
            variables = {DATABASE: place, GROUP: group, DATA: dataset}
            given = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
            yield " ".join([*given, shlex.join(filled)])
