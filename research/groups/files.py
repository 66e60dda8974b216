"""Files of parameters: lines of the form `name = JSON`, and schemas as TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from research.errors import ParametersError, shorten
from research.groups.names import clash, dotted, path_of
from research.groups.schema import Kind, Schema

_EXPECTED = 'expected `name = value`, the value as JSON: 12.3, true, "text" or [1, 2]'


class Line(NamedTuple):
    """A parameter, and where it is said."""

    value: Any
    place: str  # file:line


def load_files(
    paths: Sequence[str | Path], schema: str | Path | None = None
) -> tuple[dict[str, Any], Schema]:
    """Read files of parameters, of which later ones override earlier ones.

    Parameters
    ----------
    paths : sequence of paths
    schema : path, optional
        A TOML file. What it does not name is as names and values tell.

    Returns
    -------
    (dict, Schema)
        Values by paths; what each may be.

    Raises
    ------
    ParametersError
        Names the file, the line and what was expected.
    """
    lines: dict[str, Line] = {}
    kinds: dict[str, Kind] = {}
    for path in paths:
        for name, line in _read_file(Path(path)).items():
            other = clash(lines, name)
            if other is not None:
                raise ParametersError(
                    f"{line.place}: {dotted(name)} cannot be a parameter and a part of one: {dotted(other)} "
                    f"is said in {lines[other].place}"
                )
            guessed = Kind.guess(name, line.value)
            known = kinds.get(name)
            if known is None or known.type == "fixed" or isinstance(line.value, list):
                kinds[name] = guessed
            lines[name] = line
    if not lines:
        raise ParametersError(f"there are no parameters in {', '.join(map(str, paths))}; {_EXPECTED}")
    given = Schema({}) if schema is None else read_schema(schema)
    for name in given.kinds:
        if name not in lines:
            from research.errors import did_you_mean

            near = did_you_mean(dotted(name), [dotted(known) for known in lines])
            raise ParametersError(f"{schema}: there is no parameter {dotted(name)} in the files{near}")
    values: dict[str, Any] = {}
    for name, line in lines.items():
        kind = given.kinds.get(name, kinds[name])
        try:
            values[name] = kind.value(name, line.value)
        except ParametersError as error:
            raise ParametersError(f"{line.place}: {error}") from None
        kinds[name] = kind.bounded(values[name])
    whole = Schema(kinds, given.constraints)
    whole.check(values)
    return values, whole


def read_schema(path: str | Path) -> Schema:
    """Read a schema.

    Raises
    ------
    ParametersError
        Names the file and what is wrong in it.
    """
    try:
        return Schema.of(tomllib.loads(_text(Path(path))))
    except (tomllib.TOMLDecodeError, ParametersError) as error:
        text = str(error)
        raise ParametersError(text if text.startswith(f"{path}:") else f"{path}: {text}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ParametersError(f"{path}: cannot be read: {reason}; expected a file of text") from None


def _read_file(path: Path) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for number, text in enumerate(_text(path).splitlines(), 1):
        place = f"{path}:{number}"
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        for name, value in _read_line(line, place):
            other = name if name in lines else clash(lines, name)
            if other is not None:
                also = "" if other == name else f", as {dotted(other)}"
                raise ParametersError(
                    f"{place}: {dotted(name)} is there already{also}, in line "
                    f"{lines[other].place.rpartition(':')[2]}; expected each name once in a file"
                )
            lines[name] = Line(value, place)
    return lines


def _read_line(line: str, place: str) -> list[tuple[str, Any]]:
    name, sign, text = line.partition("=")
    if not sign:
        raise ParametersError(f"{place}: there is no '=' in {shorten(line)}; {_EXPECTED}")
    try:
        path = path_of(name.strip())
    except ValueError as error:
        raise ParametersError(f"{place}: {error}") from None
    value = _read_value(text, place)
    try:
        return list(_leaves(path, value))
    except ValueError as error:
        raise ParametersError(f"{place}: {error}") from None


def _read_value(text: str, place: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ParametersError(f"{place}: {constant} is no value of a parameter; expected a finite number")

    decoder = json.JSONDecoder(parse_constant=refuse)
    text = text.strip()
    try:
        value, end = decoder.raw_decode(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ParametersError):
            raise
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        hint = f"; a text is in double quotes, {json.dumps(text)}" if text[:1] not in '[{"' and text else ""
        raise ParametersError(f"{place}: {shorten(text)} is no JSON ({reason}); {_EXPECTED}{hint}") from None
    rest = text[end:].strip()
    if rest and not rest.startswith("#"):
        raise ParametersError(f"{place}: there is {shorten(rest)} after the value; {_EXPECTED}")
    return value


def _leaves(path: str, value: Any) -> list[tuple[str, Any]]:
    """Return parameters of a value; those in an object are parameters with longer names."""
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(
                f"{dotted(path)} is an empty object; expected a value, or names with values in it"
            )
        return [leaf for key, item in value.items() for leaf in _leaves(path_of(f"{path}/{key}"), item)]
    _check_plain(path, value)
    return [(path, value)]


def _check_plain(path: str, value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check_plain(path, item)
    elif isinstance(value, Mapping):
        raise ValueError(f"{dotted(path)} has an object in a list; expected numbers, texts, lists of them")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"{dotted(path)} is {shorten(value)}; expected an integer below 2**63")
    elif isinstance(value, float) and value in (float("inf"), -float("inf")):
        raise ValueError(f"{dotted(path)} is larger than floats can be; expected a finite number")
