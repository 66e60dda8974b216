"""What the parameters of a group may be: types, bounds, constraints, tags."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from research.errors import ParametersError, did_you_mean
from research.groups.constraints import Constraint
from research.groups.names import clash, dotted, path_of, suffix_of
from research.groups.texts import dumps

TYPES = ("float", "int", "bool", "choice", "ordinal", "fixed")
_KEYS = ("type", "low", "high", "log", "step", "options", "tags")
_OF_TYPES = {
    "float": ("low", "high", "log"),
    "int": ("low", "high", "log", "step"),
    "choice": ("options",),
    "ordinal": ("options",),
    "fixed": ("options",),
}
_LARGEST = 2**53  # of ints
_FARTHEST = 1e307  # of floats: bounds are no farther apart than floats can tell
_TIMES = 10  # what has no bounds may become so many times as large, or small
_REAL = {"_real_0": 0.0, "_real_1": 1.0}


class Kind(NamedTuple):
    """What one parameter may be.

    Parameters
    ----------
    type : str
        One of `TYPES`.
    low, high : float or int, optional
        Both included. None: as told by the values that are loaded.
    log : bool
        Ratios count rather than differences.
    step : int
        From one int to the next.
    options : tuple
        Of a choice or ordinal.
    tags : tuple of str
    """

    type: str
    low: Any = None
    high: Any = None
    log: bool = False
    step: int = 1
    options: tuple[Any, ...] = ()
    tags: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: str, given: Mapping[str, Any]) -> Kind:
        """Read what a file of a schema says of a parameter.

        Raises
        ------
        ParametersError
            Names the parameter and what is wrong with it.
        """
        name = dotted(path)
        kind = given.get("type")
        if kind not in TYPES:
            raise ParametersError(
                f"{name}: `type` must be one of {', '.join(TYPES)}, got {kind!r}{did_you_mean(kind, TYPES)}"
            )
        for key in given:
            if key not in _KEYS:
                raise ParametersError(f"{name}: there is no {key!r}{did_you_mean(key, _KEYS)}")
            if key not in ("type", "tags", *_OF_TYPES.get(kind, ())):
                raise ParametersError(f"{name}: {key!r} means nothing to the type {kind!r}")
        options, tags, log = given.get("options", ()), given.get("tags", []), given.get("log", False)
        if kind in ("choice", "ordinal") and (not isinstance(options, list) or not options):
            raise ParametersError(f"{name}: `options` must be a list of values, got {options!r}")
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ParametersError(f"{name}: `tags` must be a list of texts, got {tags!r}")
        if not isinstance(log, bool):
            raise ParametersError(f"{name}: `log` must be true or false, got {log!r}")
        low, high, step = given.get("low"), given.get("high"), given.get("step", 1)
        for key, value in {"low": low, "high": high, "step": step}.items():
            is_number = type(value) is int or (type(value) is float and math.isfinite(value))
            if value is not None and (not is_number or (kind == "int" and type(value) is not int)):
                raise ParametersError(f"{name}: `{key}` must be {_words(kind)}, got {value!r}")
        if low is not None and high is not None and not (low < high or (kind == "int" and low == high)):
            raise ParametersError(f"{name}: low < high must hold, but got low={low!r}, high={high!r}")
        if log and low is not None and low <= 0:
            raise ParametersError(f"{name}: `low` must be positive where `log` is true, got {low!r}")
        if step < 1 or (log and step != 1):
            raise ParametersError(f"{name}: `step` must be a positive int, and 1 with `log`, got {step!r}")
        if kind == "float":
            low, high = (None if end is None else float(end) for end in (low, high))
        return cls(kind, low, high, log, step, tuple(options), tuple(tags))

    @classmethod
    def guess(cls, path: str, value: Any) -> Kind:
        """Return what the name of a parameter, and the value that it has in a file, say of it."""
        suffix = suffix_of(path)
        if suffix in _REAL:
            low = _REAL[suffix]
            return cls("float", low, math.nextafter(low + 1.0, 0.0))
        if suffix == "_int":
            return cls("int")
        if suffix == "_bool" or isinstance(value, bool):
            return cls("bool")
        if suffix == "_choice":
            options = value if isinstance(value, list) else [value]
            return cls("choice", options=tuple(options))
        if isinstance(value, int | float):
            return cls("float")
        return cls("fixed", options=(value,))

    def value(self, path: str, given: Any) -> Any:
        """Return the value of a parameter that a file gives.

        Raises
        ------
        ParametersError
            If it is none that the parameter may have.
        """
        if self.type in ("choice", "ordinal"):
            first = given[0] if isinstance(given, list) and given and tuple(given) == self.options else given
            if not any(_same(first, option) for option in self.options):
                shown = ", ".join(json.dumps(option) for option in self.options)
                raise self._wrong(path, given, f"one of {shown}")
            return first
        if self.type == "fixed":
            return given
        if self.type == "bool":
            if isinstance(given, bool) or (type(given) in (int, float) and given in (0, 1)):
                return bool(given)
            raise self._wrong(path, given, "true or false, 1 or 0")
        is_number = type(given) in (int, float)
        if not is_number or (self.type == "int" and (given != int(given) or abs(given) > _LARGEST)):
            raise self._wrong(path, given, _words(self.type))
        value = int(given) if self.type == "int" else float(given)
        for end, is_within in ((self.low, value >= (self.low or 0)), (self.high, value <= (self.high or 0))):
            if end is not None and not is_within:
                raise self._wrong(path, given, f"from {self.low!r} to {self.high!r}")
        if self.type == "int" and self.low is not None and (value - self.low) % self.step:
            raise self._wrong(path, given, f"some steps of {self.step} from {self.low}")
        return value

    def _wrong(self, path: str, given: Any, wanted: str) -> ParametersError:
        return ParametersError(f"{dotted(path)} must be {wanted}, got {json.dumps(given)}")

    def bounded(self, value: Any) -> Kind:
        """Return this with bounds: where none are given, ten times as large as a value, or as small.

        What is 0 is from -1 to 1.
        """
        if self.type not in ("float", "int") or None not in (self.low, self.high):
            return self
        ends = sorted((value / _TIMES, value * _TIMES)) if value else [-1.0, 1.0]
        most = _LARGEST if self.type == "int" else _FARTHEST
        low, high = (min(max(float(end), -most), most) for end in ends)
        low, high = min(low, value), max(high, value)
        log = self.log or (value > 0 and self.low is None and self.high is None and self.step == 1)
        if self.type == "int":
            low, high = math.floor(low) if value < 0 else math.ceil(low), math.ceil(high)
        low = low if self.low is None else self.low
        high = high if self.high is None else self.high
        if self.type == "int":
            high = low + (high - low) // self.step * self.step
        if not low < high:
            low, high = (low, low + 1) if self.low is not None else (high - 1, high)
        return self._replace(low=low, high=high, log=log and low > 0)

    def written(self) -> dict[str, Any]:
        """Return what `read` reads."""
        found = {
            key: value for key, value in self._asdict().items() if value != Kind._field_defaults.get(key)
        }
        return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}


class Schema(NamedTuple):
    """What the parameters of a group may be.

    Parameters
    ----------
    kinds : dict
        By paths.
    constraints : tuple of Constraint
        What must hold between them.
    """

    kinds: dict[str, Kind]
    constraints: tuple[Constraint, ...] = ()

    @property
    def text(self) -> str:
        """As it is stored."""
        kinds = {path: kind.written() for path, kind in self.kinds.items()}
        return dumps({"parameters": kinds, "constraints": [one.text for one in self.constraints]})

    @property
    def tags(self) -> dict[str, list[str]]:
        """Paths by tags."""
        found: dict[str, list[str]] = {}
        for path, kind in self.kinds.items():
            for tag in kind.tags:
                found.setdefault(tag, []).append(path)
        return found

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Schema:
        """Make a schema of the content of a file, or of what `text` gives.

        Raises
        ------
        ParametersError
            Says what is wrong.
        """
        for key in content:
            if key not in ("parameters", "constraints"):
                near = did_you_mean(key, ["parameters", "constraints"])
                raise ParametersError(
                    f"a schema has 'parameters' and perhaps 'constraints', got {key!r}{near}"
                )
        kinds: dict[str, Kind] = {}
        parameters = content.get("parameters", {})
        if not isinstance(parameters, Mapping):
            raise ParametersError(f"'parameters' must be a table, got {parameters!r}")
        for path, given in _leaves(parameters, ""):
            if path in kinds or clash(kinds, path):
                raise ParametersError(f"{dotted(path)} is there twice")
            kinds[path] = Kind.read(path, given)
        texts = content.get("constraints", [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ParametersError(f"'constraints' must be a list of texts, got {texts!r}")
        return cls(kinds, tuple(Constraint(text) for text in texts))

    @classmethod
    def stored(cls, text: str) -> Schema:
        """Return what `text` has written."""
        return cls.of(json.loads(text))

    def check(self, values: Mapping[str, Any]) -> None:
        """Refuse values for which a constraint does not hold.

        Raises
        ------
        ParametersError
        """
        for constraint in self.constraints:
            if not constraint.holds(values):
                shown = ", ".join(f"{dotted(path)} = {values[path]!r}" for path in constraint.paths(values))
                raise ParametersError(f"the constraint {constraint.text!r} does not hold: {shown}")


def _leaves(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Walk nested tables; one that has a type is that of a parameter."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for key, value in table.items():
        try:
            path = path_of(f"{prefix}{key}")
        except ValueError as error:
            raise ParametersError(str(error)) from None
        if not isinstance(value, Mapping):
            raise ParametersError(f"{dotted(path)} must be a table such as {{type = 'float'}}, got {value!r}")
        if isinstance(value.get("type"), str) or not any(isinstance(one, Mapping) for one in value.values()):
            found.append((path, value))
        else:
            found += _leaves(value, f"{path}/")
    return found


def _words(kind: Any) -> str:
    return "an int" if kind == "int" else "a finite number"


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)
