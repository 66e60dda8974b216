"""What programs are told of an experiment: parameters and a few names of its own, as text and as JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from string import Formatter
from typing import Any, NamedTuple

import numpy as np

from research.domain import Alias, Config
from research.domain.config import AUXILIARY, flatten
from research.domain.values import unwrap
from research.errors import did_you_mean
from research.whole import write_whole

CONFIG_FILE = "config.json"
_DOUBLED = "braces that are to stay are written twice: '{{' and '}}'"


def _config_file(run: Any) -> str:
    path = run.folder / CONFIG_FILE
    write_whole(path, config_text(run.config).encode())
    return str(path)


def _auxiliary(name: str) -> Callable[[Any], Any]:
    return lambda run: run.full_config[name]


OWN: dict[str, Callable[[Any], Any]] = {  # of a running experiment
    "id": lambda run: run.id,
    "iteration": lambda run: run.iteration,
    "folder": lambda run: str(run.folder),
    "config": lambda run: nested(run.config),
    "config_file": _config_file,
    "random_seed": lambda run: int.from_bytes(run.seed_bytes("random_seed", 4), "little") >> 1,
    "python": lambda run: sys.executable,
    **{name: _auxiliary(name) for name in AUXILIARY},
}


class Piece(NamedTuple):
    """A part of a text: as it is, then a placeholder, if there is one."""

    text: str
    name: str | None
    form: str  # of the placeholder, as `format` takes it


def read_pieces(text: str, what: str) -> tuple[Piece, ...]:
    """Read a text with placeholders.

    Raises
    ------
    ValueError
        If braces do not match, or there is something in them that means nothing.
    """
    try:
        parsed = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"{what} cannot be read: {error}; {_DOUBLED}") from None
    for _, name, form, conversion in parsed:
        if name == "":
            raise ValueError(f"{what} has a placeholder without a name, '{{}}'; {_DOUBLED}")
        if conversion or "{" in (form or ""):
            raise ValueError(
                f"{what} has a placeholder {name!r} with more than a format: '{{lr}}' and '{{lr:.3f}}' are "
                f"what there is; {_DOUBLED}"
            )
    return tuple(Piece(literal, name, form or "") for literal, name, form, _ in parsed)


def check_names(names: Collection[str], what: str, parameters: Collection[str] | None) -> None:
    """Refuse placeholders that no config has, and those that could mean two things.

    Raises
    ------
    ValueError
        Names the placeholder.
    """
    for name in names if parameters is not None else ():
        is_parameter = any(
            other == name or other.startswith(f"{name}/") or name.startswith(f"{other}/")
            for other in parameters or ()
            if other not in AUXILIARY
        )
        if name in OWN and is_parameter:
            raise ValueError(_two_meanings(name, what))
        if name not in OWN and not is_parameter:
            raise ValueError(
                f"{what} has a placeholder {name!r}, and no config has a parameter of that name"
                f"{did_you_mean(name, [*OWN, *(parameters or ())])}; {_DOUBLED}"
            )


def _two_meanings(name: str, what: str) -> str:
    return (
        f"{what} has a placeholder {name!r}, which is a parameter, and also what the study calls something "
        "of its own: give the parameter another name"
    )


def value_of(run: Any, name: str, what: str) -> Any:
    """Return what a placeholder stands for.

    Raises
    ------
    KeyError, ValueError
        If the config has no such parameter, or `check_names` would refuse it.
    """
    if name in OWN:
        if name in run.config:
            raise ValueError(_two_meanings(name, what))
        try:
            return getattr(run, "own_names", OWN)[name](run)  # (where it runs, a job's are others)
        except KeyError:  # an Executor alone says nothing of repetitions
            return None
    if name not in run.config:
        known = [*OWN, *run.config]
        raise ValueError(
            f"{what} has a placeholder {name!r}: the config has no such parameter{did_you_mean(name, known)}"
        )
    raw = dict(run.config.raw_items())
    return raw[name] if type(raw.get(name)) is Alias else run.config[name]


def fill(pieces: Sequence[Piece], run: Any, what: str) -> str:
    """Return a text with its placeholders filled in."""
    return "".join(
        piece.text + ("" if piece.name is None else placeholder_text(piece, run, what)) for piece in pieces
    )


def placeholder_text(piece: Piece, run: Any, what: str) -> str:
    """Return a placeholder's value as text."""
    name = str(piece.name)
    value = value_of(run, name, what)
    if not piece.form:
        return text_of(value, name)
    try:
        return format(_scalar(unwrap(value)), piece.form)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what}: {value!r} cannot be shown as '{{{name}:{piece.form}}}': {error}") from None


def text_of(value: Any, name: str) -> str:
    """Return a value as a program gets it: text as it is, numbers as Python writes them, the rest as JSON.

    Raises
    ------
    TypeError
        If JSON cannot hold it.
    """
    scalar = _scalar(unwrap(value))
    if scalar is None or isinstance(scalar, str | int | float):
        return str(scalar)
    if isinstance(scalar, os.PathLike):
        return os.fsdecode(scalar)
    found = plain(value, name)
    return found if isinstance(found, str) else json.dumps(found)


def config_text(config: Config) -> str:
    """Return a config as JSON, its groups nested."""
    return f"{json.dumps(nested(config), indent=2)}\n"


def nested(config: Config) -> dict[str, Any]:
    """Return a config as dicts in dicts, its values as JSON has them."""
    found: dict[str, Any] = {}
    for path, value in flatten(config.raw_items()):
        *groups, last = path.split("/")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = plain(value, path)
    return found


def plain(value: Any, name: str) -> Any:
    """Return a value as JSON has it; of what JSON cannot hold, the short name that an Alias gives.

    Raises
    ------
    TypeError
        If it has none.
    """
    bare = _scalar(unwrap(value))
    if bare is None or isinstance(bare, str | int | float):
        return bare
    if isinstance(bare, os.PathLike):
        return os.fsdecode(bare)
    if isinstance(bare, np.ndarray):
        return plain(bare.tolist(), name)
    if isinstance(bare, Config):
        return nested(bare)
    if isinstance(bare, Mapping):
        return {str(key): plain(item, name) for key, item in bare.items()}
    if isinstance(bare, list | tuple):
        return [plain(item, name) for item in bare]
    if type(value) is Alias:
        return value.alias
    raise TypeError(
        f"the parameter {name!r} cannot be told to a program: {type(bare).__name__} {bare!r} is nothing that "
        "JSON can hold; give it as text, or as Alias(value, 'name') to pass on the name"
    )


def _scalar(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def shell_script(pieces: Sequence[Piece]) -> tuple[str, list[Piece]]:
    r"""Return a script for `sh`, and what stands in it as `$1`, `$2`, …: no value is ever read as code.

    Examples
    --------
    >>> shell_script(read_pieces('echo {a} "{b}c" \'{d}\'', ''))[0]
    'echo "${1}" "${2}c" \'\'"${3}"\'\''
    """
    script, quote = "", ""
    given: list[Piece] = []
    for piece in pieces:
        script += piece.text
        quote = _quote_after(piece.text, quote)
        if piece.name is not None:
            given.append(piece)
            value = f"${{{len(given)}}}"
            script += {"": f'"{value}"', '"': value, "'": f"'\"{value}\"'"}[quote]
    return script, given


def _quote_after(text: str, quote: str) -> str:
    """Return which quote is open after a part of a script."""
    for mark in re.findall(r"\\.|['\"]", text, re.DOTALL):
        if mark == "\\'" and quote == "'":  # nothing is escaped in there
            quote = ""
        elif mark in ("'", '"') and quote in ("", mark):
            quote = "" if quote else mark
    return quote


def walk_names(pieces: Sequence[Piece]) -> Iterator[str]:
    """Walk the names of placeholders."""
    return (piece.name for piece in pieces if piece.name is not None)
