"""One point of a domain: what an experiment is told."""

from __future__ import annotations

import json
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from typing import Any

import numpy as np

from research.domain.decoding import decode
from research.domain.hashing import JSON as JSON
from research.domain.hashing import canonical_text, digest, dumps, encode_as_dict
from research.domain.names import check_names, is_path
from research.domain.rules import IGNORED, Rules
from research.domain.values import ALL_PLAIN, Alias, Opaque, unwrap
from research.errors import UnstableValueError, did_you_mean

_new = object.__new__
PLAIN = frozenset({str, int, float, bool, type(None)})
AUXILIARY = ("repetition", "device", "updates")  # set by the study, not by the domain


def flatten(items: Iterable[tuple[str, Any]], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Walk the leaves of nested dicts: pairs of a '/'-joined path and a value."""
    for key, value in items:
        plain = unwrap(value)
        if isinstance(plain, Config):
            plain = dict(plain.items())
        if _is_nested(plain):
            yield from flatten(plain.items(), f"{prefix}{key}/")
        else:
            yield prefix + key, value


def entries(items: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Return sorted pairs (path, canonical text) of what makes up a config's identity.

    Raises
    ------
    UnstableValueError
        If a value has no stable content; names the parameter and the way out.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in items:
        if type(value) in PLAIN:  # nearly all: there may be millions
            pairs.append((name, canonical_text(value)))
            continue
        try:
            pairs.extend(_leaves(name, value))
        except UnstableValueError:
            if type(value) is not Alias:
                raise
            pairs.append((name, canonical_text(value)))  # its name stands for the whole
    pairs.sort()
    return pairs


def _leaves(name: str, value: Any) -> list[tuple[str, str]]:
    pairs = []
    for path, leaf in flatten([(name, value)]):
        try:
            pairs.append((path, canonical_text(leaf)))
        except UnstableValueError as error:
            raise UnstableValueError(
                f"parameter {path!r}: the value {unwrap(leaf)!r} would not be recognised in another "
                f"process: {error}; give it a name that says what it is: Alias(value, 'name')"
            ) from error
    return pairs


def join_entries(pairs: Iterable[tuple[str, str]]) -> str:
    """Write sorted pairs of `entries` as one JSON object."""
    return "{" + ",".join([f"{canonical_text(path)}:{text}" for path, text in pairs]) + "}"


class Config(Mapping[str, Any]):
    """An immutable mapping of parameters to values, with '/' for nesting.

    `Config({'model/lr': 1})` and `Config({'model': {'lr': 1}})` are equal, have one hash, and both
    answer `config['model/lr']` and `config['model']['lr']`. Iteration gives the keys as written. Lists,
    dicts and sets are given as copies, arrays cannot be written to.

    Parameters
    ----------
    items : Mapping or iterable of pairs, optional
    **kwargs
        More parameters.

    Raises
    ------
    ValueError
        If a parameter is given twice, or has a value and parts at once.

    Examples
    --------
    >>> config = Config({'model/lr': 0.1, 'model/depth': 2}, C=1)
    >>> config['model']
    Config({'lr': 0.1, 'depth': 2})
    >>> config.hash() == Config(C=1, model={'depth': 2, 'lr': 0.1}).hash()
    True
    """

    __slots__ = ("_defaults", "_items", "_rules", "_text")
    _defaults: Mapping[str, str] | None
    _rules: Rules | None

    def __init__(
        self, items: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None, **kwargs: Any
    ) -> None:
        pairs = [*(items.items() if isinstance(items, Mapping) else items or ()), *kwargs.items()]
        for key, _ in pairs:
            if not isinstance(key, str):
                raise TypeError(f"names of parameters must be str, got {key!r}")
        self._items: dict[str, Any] = {
            key: copy_containers(value) if type(value) in CONTAINERS else value for key, value in pairs
        }
        self._text: str | None = None
        self._defaults = self._rules = None
        if len(self._items) < len(pairs) or any(
            "/" in key or _is_nested(unwrap(item)) for key, item in pairs
        ):
            check_names(path for path, _ in flatten(pairs))

    @classmethod
    def of_items(
        cls, items: dict[str, Any], defaults: Mapping[str, str] | None = None, rules: Rules | None = None
    ) -> Config:
        """Wrap a dict that is known to be valid and is not changed afterwards.

        Parameters
        ----------
        items : dict
        defaults : Mapping, optional
            Canonical texts by paths: a parameter that has this value is no part of the config's identity.
        rules : Rules, optional
            What else does not enter, or otherwise than by its value.
        """
        config = _new(cls)
        config._items = items
        config._text = None
        config._defaults = defaults
        config._rules = rules
        return config

    @classmethod
    def from_canonical(
        cls,
        form: JSON,
        defaults: JSON = None,
        make: Callable[[dict[str, Any]], Any] = Opaque,
        rules: Rules | None = None,
    ) -> Config:
        """Rebuild a config from its stored form.

        Parameters
        ----------
        form : dict
            Canonical forms of all values.
        defaults : dict, optional
            Those of them that are no part of the identity.
        make : callable, default Opaque
            Returns what stands for a value that only code can rebuild.
        rules : Rules, optional
            What else does not enter, and what entered in place of values.
        """
        texts = {path: dumps(item) for path, item in (defaults or {}).items()}
        return cls.of_items({key: decode(item, make) for key, item in form.items()}, texts, rules)

    @property
    def canonical(self) -> str:
        """The canonical form as text: what is stored and hashed."""
        if self._text is None:
            self._text = join_entries(self._pairs())
        return self._text

    def _pairs(self) -> list[tuple[str, str]]:
        pairs = entries(self._items.items())
        if self._defaults:
            pairs = [pair for pair in pairs if self._defaults.get(pair[0]) != pair[1]]
        return pairs if self._rules is None else self._rules.apply(self, pairs)

    def texts(self) -> dict[str, str]:
        """Return canonical texts by paths: the pairs of which `canonical` consists."""
        return dict(self._pairs())

    @property
    def defaults(self) -> dict[str, str]:
        """Canonical texts, by paths, of the parameters that have their default, and so are not hashed."""
        defaults = self._defaults or {}
        pairs = entries(self._items.items()) if defaults else ()
        return {path: text for path, text in pairs if defaults.get(path) == text}

    @property
    def rules(self) -> Rules | None:
        """What does not enter the identity, or otherwise than by its value."""
        return self._rules

    def ruled(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return canonical texts, by paths, of what rules keep out, and of what others stand for.

        Of the second, something that a rule made of the value enters in its place.
        """
        ignored: dict[str, str] = {}
        replaced: dict[str, str] = {}
        if self._rules is not None:
            defaults = self._defaults or {}
            for path, text in entries(self._items.items()):
                name = self._rules.rule_of(path)
                if name is not None and defaults.get(path) != text:
                    (ignored if name in self._rules.ignored else replaced)[path] = text
        return ignored, replaced

    def hash(self) -> str:
        """Return 16 hex digits that depend on the content alone, in every process."""
        return digest(self.canonical)

    def explain_hash(self) -> dict[str, JSON]:
        """Return, for each parameter, what of it entered the hash.

        What is ignored is shown as `{'$ignored': value}`, what a rule made of a value as `{'$rule': value}`;
        see `Domain.ignore` and `Domain.hash_with`.

        Examples
        --------
        >>> Config(a=1, f=max, pair=(1, 2)).explain_hash()
        {'a': 1, 'f': {'$function': 'builtins:max'}, 'pair': {'$tuple': [1, 2]}}
        """
        entered = dict(json.loads(self.canonical))
        return {**entered, **{path: {IGNORED: json.loads(text)} for path, text in self.ruled()[0].items()}}

    def to_dict(self) -> dict[str, Any]:
        """Return a fresh plain dict, keys as written, lists, dicts and sets in it copied."""
        return {key: copy_containers(value, bare=True) for key, value in self._items.items()}

    def raw_items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of a parameter and its value, which may be an Alias."""
        return self._items.items()

    def scalars(self) -> Mapping[str, Any]:
        """Return parameters, as they are written, whose values are numbers, texts, booleans or None."""
        items = self._items
        if PLAIN.issuperset(map(type, items.values())):
            return items
        return {key: value for key, value in items.items() if type(value) in PLAIN}

    def __getitem__(self, key: str) -> Any:
        try:
            value = self._items[key]
        except KeyError:
            return self._find(key)
        if type(value) in PLAIN:
            return value
        value = unwrap(value)
        if type(value) in CONTAINERS:
            if not _is_nested(value):
                return copy_containers(value, bare=True)
            others = [
                name for name in self._items if f"{name}/".startswith(f"{key}/") or key.startswith(f"{name}/")
            ]
            is_whole = others == [key]
            return Config.of_items(value) if is_whole else self._find(key)
        return value

    def values(self) -> ValuesView[Any]:
        """Return the values, as `config[key]` gives them."""
        return self._items.values() if self._is_plain() else super().values()

    def items(self) -> ItemsView[str, Any]:
        """Return pairs of keys and values, as `config[key]` gives them."""
        return self._items.items() if self._is_plain() else super().items()

    def _is_plain(self) -> bool:
        """Whether values are given as they are."""
        return self._defaults is ALL_PLAIN or PLAIN.issuperset(map(type, self._items.values()))

    def _find(self, key: str) -> Any:
        """Look for a parameter, or a group of them, by their whole paths, however they were written."""
        paths = dict(flatten(self._items.items()))
        if key in paths:
            return copy_containers(paths[key], bare=True)
        inside = {path[len(key) + 1 :]: value for path, value in paths.items() if path.startswith(f"{key}/")}
        if not inside:
            raise KeyError(f"there is no parameter {key!r}{did_you_mean(key, self._items)}")
        return Config.of_items(inside)

    def __contains__(self, key: object) -> bool:
        if key in self._items:
            return True
        inside = f"{key}/"
        paths = self._items if self._is_plain() else dict(flatten(self._items.items()))
        return any(path == key or path.startswith(inside) for path in paths)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Config):
            return self.canonical == other.canonical
        if isinstance(other, Mapping):
            try:
                return self.canonical == Config(other).canonical
            except (TypeError, ValueError):  # what is no config equals none
                return False
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.canonical)

    def __repr__(self) -> str:
        return f"Config({self._items!r})"


encode_as_dict(Config, lambda config: dict(config.raw_items()))


CONTAINERS = frozenset({list, dict, tuple, set, np.ndarray})


def copy_containers(value: Any, with_arrays: bool = False, bare: bool = False) -> Any:
    """Copy lists, dicts and sets, at any depth; arrays become read-only, all else is shared.

    Parameters
    ----------
    value : object
    with_arrays : bool, default False
        Copy arrays, too; else they are views.
    bare : bool, default False
        Leave out short names.
    """
    return _copy(value, with_arrays, bare, {})


def _copy(value: Any, with_arrays: bool, bare: bool, copies: dict[int, Any]) -> Any:
    kind = type(value)
    if kind is Alias and bare:
        value, kind = value.value, type(value.value)
    if kind not in CONTAINERS and kind is not Config:
        return value
    if id(value) in copies:  # it holds itself
        return copies[id(value)]
    made: Any
    if kind is np.ndarray:
        made = value.copy() if with_arrays else value.view()
        made.flags.writeable = False
    elif kind is list:
        made = copies[id(value)] = []
        made.extend(_copy(item, with_arrays, bare, copies) for item in value)
    elif kind is dict:
        made = copies[id(value)] = {}
        made.update((key, _copy(item, with_arrays, bare, copies)) for key, item in value.items())
    elif kind is tuple:
        made = tuple(_copy(item, with_arrays, bare, copies) for item in value)
    elif kind is set:
        made = set(value)
    else:
        made = value.to_dict()
    return made


def _is_nested(value: Any) -> bool:
    """Whether a value is a group of parameters: a dict whose keys are paths."""
    return type(value) is dict and bool(value) and all(map(is_path, value))
