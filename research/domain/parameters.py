"""Configs written as dataclasses: each field is a parameter, those of a dataclass in it `a/b`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, ClassVar, NamedTuple, Self, Union, get_args, get_origin, get_type_hints

from research.domain.config import CONTAINERS, Config, copy_containers
from research.domain.rules import Rules, rule_text
from research.domain.values import Alias
from research.errors import did_you_mean

IGNORE, HASH = "ignore", "hash"  # rules of fields
_GROUPS = frozenset({dict, Alias, Config})  # values that may be groups of parameters


@dataclass(kw_only=True)
class Parameters:
    """A base class for the parameters of an experiment: a dataclass with a name, and a config.

    Any dataclass can be a config, see `Domain.from_configs`; this one can be made from a config again, and
    has a name by which `load_domain` finds it.

    Parameters
    ----------
    name : str, default ''
        No part of the identity.

    Attributes
    ----------
    hash_rules : dict
        Of the class: for names of fields `'ignore'`, or a function of an instance and the field's value; what
        it returns enters the identity in place of the value. Subclasses inherit rules, and may replace
        them; `'hash'` is to have none. Any dataclass may have such a dict, also one that is in a field.

    Examples
    --------
    >>> from dataclasses import dataclass, field
    >>> from research import Parameters
    >>> @dataclass
    ... class Data:
    ...     path: str = "train.csv"
    >>> @dataclass
    ... class Params(Parameters):
    ...     lr: float = 0.1
    ...     data: Data = field(default_factory=Data)
    >>> params = Params(name="slow", lr=0.01)
    >>> params.config()
    Config({'name': 'slow', 'lr': 0.01, 'data/path': 'train.csv'})
    >>> Params.from_config(params.config()) == params
    True
    >>> @dataclass
    ... class Sized(Parameters):
    ...     size: int = 9000
    ...     num_gpus: int = 1
    ...     hash_rules = {"num_gpus": "ignore", "size": lambda params, size: size / params.num_gpus}
    >>> Sized(size=9000, num_gpus=2).hash() == Sized(size=4500).hash() != Sized(size=9000).hash()
    True
    """

    name: str = ""
    hash_rules: ClassVar[Mapping[str, Any]] = {"name": IGNORE}

    def config(self) -> Config:
        """Return the config that these parameters are."""
        return config_of(self)

    def hash(self) -> str:
        """Return `Config.hash` of the config that these parameters are."""
        return self.config().hash()

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make an instance of a config, as an experiment gets it, with dataclasses in their places.

        Parameters
        ----------
        config : Mapping
            What it lacks has the default of its field.

        Raises
        ------
        ValueError
            If it has parameters that are no fields.
        """
        made: Self = _make(cls, config if isinstance(config, Config) else Config(config))
        return made


def is_dataclass(value: Any) -> bool:
    """Whether something is an instance of a dataclass; no class is."""
    return not isinstance(value, type) and dataclasses.is_dataclass(type(value))


def config_of(instance: Any) -> Config:
    """Return the config that an instance of a dataclass is.

    Raises
    ------
    ValueError
        If it holds itself.
    """
    return Reader().config(instance)


class _Kind(NamedTuple):
    """What is asked of a dataclass, once."""

    names: tuple[str, ...]
    ignored: tuple[str, ...]
    functions: Mapping[str, Callable[[Any, Any], Any]]


class Reader:
    """Makes configs of dataclasses, of which no two may look the same."""

    def __init__(self) -> None:
        self._kinds: dict[type, _Kind] = {}
        self._shapes: dict[tuple[str, tuple[str, ...]], type] = {}
        self._rules: dict[frozenset[str], Rules] = {}

    def config(self, instance: Any) -> Config:
        """Return the config that an instance is.

        Raises
        ------
        ValueError
            If it holds itself; if a dataclass stands in it where one with the same fields, which is another,
            has been before; if there is a rule for what is no field.
        """
        items: dict[str, Any] = {}
        ignored: list[str] = []
        stands: dict[str, str] = {}
        self._take(instance, "", (), items, ignored, stands)
        if any(type(value) in _GROUPS for value in items.values()):
            items = dict(Config(items).raw_items())  # which checks the names in them
        else:
            items = {
                name: copy_containers(value) if type(value) in CONTAINERS else value
                for name, value in items.items()
            }
        return Config.of_items(items, None, self._rules_of(frozenset(ignored), stands))

    def _rules_of(self, ignored: frozenset[str], stands: dict[str, str]) -> Rules | None:
        if stands:
            return Rules(ignored, {}, stands)
        return self._rules.setdefault(ignored, Rules(ignored)) if ignored else None

    def _take(
        self,
        instance: Any,
        prefix: str,
        parents: tuple[Any, ...],
        items: dict[str, Any],
        ignored: list[str],
        stands: dict[str, str],
    ) -> None:
        kind = type(instance)
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = _kind(kind)
        if self._shapes.setdefault((prefix, known.names), kind) is not kind:
            self._check_shape(kind, prefix, known.names)
        ignored.extend([prefix + name for name in known.ignored])
        for name, function in known.functions.items():
            path = prefix + name
            stands[path] = rule_text(function, instance, getattr(instance, name), path)
        for name in known.names:
            value = getattr(instance, name)
            if not is_dataclass(value):
                items[prefix + name] = value
                continue
            if value is instance or any(value is parent for parent in parents):
                raise ValueError(f"the parameter {prefix + name!r} of {kind.__qualname__} holds itself")
            n_before = len(items)
            self._take(value, f"{prefix}{name}/", (*parents, instance), items, ignored, stands)
            if len(items) == n_before:
                items[prefix + name] = {}

    def _check_shape(self, kind: type, prefix: str, names: tuple[str, ...]) -> None:
        known = self._shapes[prefix, names]
        if (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
            where = f" at {prefix.rstrip('/')!r}" if prefix else ""
            raise ValueError(
                f"there is a {known.__qualname__}{where}, and a {kind.__qualname__} with the same fields: "
                "configs would not tell them apart; give them a field that does"
            )


def _kind(kind: type) -> _Kind:
    """Return the fields of a dataclass, and the rules of it and of what it is derived from."""
    names = tuple(field.name for field in dataclasses.fields(kind))
    if "hash_rules" in names:
        raise ValueError(
            f"`hash_rules` of {kind.__qualname__} is a field, and so a parameter: write it without a type, "
            "`hash_rules = {...}`"
        )
    rules: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        given = vars(base).get("hash_rules", {})
        if not isinstance(given, Mapping):
            raise TypeError(f"`hash_rules` of {base.__qualname__} must be a dict, got {given!r}")
        rules.update(given)
    for name, rule in rules.items():
        if name not in names:
            raise ValueError(
                f"`hash_rules` of {kind.__qualname__}: there is no field {name!r}{did_you_mean(name, names)}"
            )
        if not callable(rule) and rule not in (IGNORE, HASH):
            raise TypeError(
                f"`hash_rules` of {kind.__qualname__}: the rule of {name!r} must be 'ignore', 'hash' or a "
                f"function of the instance and the value, got {rule!r}"
            )
    return _Kind(
        names,
        tuple(name for name, rule in rules.items() if rule == IGNORE),
        {name: rule for name, rule in rules.items() if callable(rule)},
    )


def _make(kind: type, config: Config) -> Any:
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = dict.fromkeys(name.partition("/")[0] for name in config)
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise ValueError(f"{kind.__qualname__} has no field {unknown[0]!r}{did_you_mean(unknown[0], fields)}")
    values = {name: _value(_dataclasses_of(kind, fields[name]), config[name]) for name in given}
    made = kind(**{name: value for name, value in values.items() if fields[name].init})
    for name, value in values.items():
        if not fields[name].init:
            object.__setattr__(made, name, value)
    return made


def _dataclasses_of(kind: type, field: dataclasses.Field[Any]) -> list[type]:
    """Return the dataclasses that a field may have: by its type, else by its default."""
    try:
        hint = get_type_hints(kind)[field.name]
    except NameError:  # written as text, and defined in a function
        hint = field.default_factory if field.default is dataclasses.MISSING else type(field.default)
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [item for item in options if isinstance(item, type) and dataclasses.is_dataclass(item)]


def _value(kinds: list[type], value: Any) -> Any:
    """Return a value of a config as a field has it that may hold these dataclasses."""
    if not isinstance(value, Mapping):
        return value
    names = {name.partition("/")[0] for name in value}
    alike = [kind for kind in kinds if names == {field.name for field in dataclasses.fields(kind)}]
    for kind in (*alike, *kinds):
        return _make(kind, value if isinstance(value, Config) else Config(value))
    return _as_dict(value)


def _as_dict(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a group of parameters as nested plain dicts."""
    made: dict[str, Any] = {}
    for name, item in value.items():
        inner = made
        *parts, last = name.split("/")
        for part in parts:
            inner = inner.setdefault(part, {})
        inner[last] = _as_dict(item) if isinstance(item, Config) else item
    return made
