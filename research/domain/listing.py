"""Configs that are given one by one."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping
from itertools import starmap
from typing import Any

from research.domain.aliases import ConfigAlias
from research.domain.config import AUXILIARY, Config, join_entries
from research.domain.drawing import Draft, Stream
from research.domain.factors import Factor, Key, Texts, check_values
from research.domain.rules import Rules
from samplers import Sampler

_PLAIN = frozenset({str, int, float, bool, type(None)})


class Listed(Factor):
    """Configs as they are listed; each may have parameters of its own.

    Parameters
    ----------
    configs : iterable of Mapping

    Raises
    ------
    TypeError
        If one of them is no mapping.
    """

    __slots__ = ("_numbers", "_rules", "configs", "length", "names")

    def __init__(self, configs: Iterable[Mapping[str, Any]]) -> None:
        self.configs = tuple(_config(number, config) for number, config in enumerate(configs))
        self.length: int = len(self.configs)
        self.names = tuple(dict.fromkeys(name for config in self.configs for name in config))
        self._numbers: dict[str, list[int]] | None = None

    def put(self, key: Key, draft: Draft) -> None:
        config = self.configs[key]
        draft.items.update(config.raw_items())
        draft.defaults.update(config.defaults)
        draft.rule(config.rules)

    @property
    def is_bare(self) -> bool:
        return super().is_bare and not any(config.defaults or config.rules for config in self.configs)

    def canonical(self, key: Key) -> str | None:
        return self.configs[key].canonical

    def find(self, texts: Texts, stream: Stream) -> Iterator[int]:
        if self._numbers is None:
            self._numbers = {}
            self._rules = Rules(
                name for config in self.configs if config.rules for name in config.rules.names
            )
            for number, config in enumerate(self.configs):
                self._numbers.setdefault(self._unruled(config.texts()), []).append(number)
        yield from self._numbers.get(self._unruled(texts), ())

    def _unruled(self, texts: Texts) -> str:
        """Return what is equal of configs that may be, whatever rules make of the rest."""
        return join_entries(sorted((self._rules.without(texts) if self._rules.names else texts).items()))

    def check(self) -> None:
        for config in self.configs:
            check_values(config.raw_items())

    def columns(self) -> Iterator[tuple[str, Any]]:
        values: dict[str, list[Any]] = {name: [] for name in self.names}
        for config in self.configs:
            for name, value in config.raw_items():
                values[name].append(value)
        yield from values.items()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listed):
            return NotImplemented
        return self.names == other.names and self.configs == other.configs

    def __hash__(self) -> int:
        return hash((self.names, self.configs[:2]))

    def __repr__(self) -> str:
        return f"Domain({[dict(config.raw_items()) for config in self.configs]!r})"

    def __getstate__(self) -> Any:
        """Return the configs; where these are plain, as bytes: dill would take a while for a long list."""
        items = [(dict(config.raw_items()), None, config.rules) for config in self.configs]
        is_plain = all(type(value) in _PLAIN for config, _, _ in items for value in config.values())
        if not is_plain or any(
            config.defaults or (config.rules and config.rules.functions) for config in self.configs
        ):
            return self.configs
        return pickle.dumps(items, protocol=5)

    def __setstate__(self, state: Any) -> None:
        configs = starmap(Config.of_items, pickle.loads(state)) if isinstance(state, bytes) else state
        Listed.__init__(self, configs)


def _config(number: int, config: Any) -> Config:
    if isinstance(config, Config):
        return config
    if not isinstance(config, Mapping):
        hint = (
            "; Domain.from_configs takes dataclasses" if hasattr(type(config), "__dataclass_fields__") else ""
        )
        raise TypeError(
            f"config number {number} must be a dict, got {type(config).__name__} {config!r}{hint}"
        )
    for name, value in config.items():
        if isinstance(value, Sampler):
            raise TypeError(
                f"config number {number}: the parameter {name!r} is a sampler; configs that are listed have "
                f"values. Write Domain([...]) * Domain({name}=sampler)"
            )
    return Config(config)


def plain_config(config: Any) -> Config:
    """Return a config as it comes from a domain, whatever it is given as."""
    if isinstance(config, ConfigAlias):
        return Config({name: value for name, value in config.config().items() if name not in AUXILIARY})
    if isinstance(config, Config):
        return config
    if not isinstance(config, Mapping):
        raise TypeError(f"a config must be a dict, got {type(config).__name__} {config!r}")
    return Config(config)
