"""What a domain produces: configs with the short names of their parameters and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from research.domain.config import Config
from research.domain.values import Alias


class ConfigAlias:
    """A produced item: a config together with the short names of its parameters and values.

    Parameters
    ----------
    config : Mapping or iterable of pairs, optional
        Keys are str or Alias, values anything or Alias.

    Examples
    --------
    >>> item = ConfigAlias([(Alias('learning_rate', 'lr'), Alias(0.001, 'small')), ('C', 1)])
    >>> item.config(), item.alias(as_string=True)
    (Config({'learning_rate': 0.001, 'C': 1}), 'lr_small-C_1')
    """

    __slots__ = ("_pairs",)

    def __init__(self, config: Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None = None) -> None:
        pairs = config.items() if isinstance(config, Mapping) else (config or ())
        self._pairs = [(_alias(key), _alias(value)) for key, value in pairs]

    def config(self) -> Config:
        """Return the config with values in place of aliases."""
        return Config((key.value, value.value) for key, value in self._pairs)

    def alias(self, as_string: bool = False, delim: str = "-") -> Config | str:
        """Return the config with aliases in place of names and values.

        Parameters
        ----------
        as_string : bool, default False
            Join `name_value` pairs into one string.
        delim : str, default '-'
            What stands between the pairs.
        """
        if as_string:
            return delim.join(f"{key}_{value}" for key, value in self._pairs)
        return Config((key.alias, value.alias) for key, value in self._pairs)

    def pop_config(self, key: str | Iterable[str]) -> ConfigAlias | None:
        """Take parameters out by their names; None if none of them is there."""
        return self._pop(key, lambda name: name.value)

    def pop_alias(self, key: str | Iterable[str]) -> ConfigAlias | None:
        """Take parameters out by their aliases; None if none of them is there."""
        return self._pop(key, lambda name: name.alias)

    def _pop(self, keys: str | Iterable[str], read: Any) -> ConfigAlias | None:
        wanted = {keys} if isinstance(keys, str) else set(keys)
        popped = [pair for pair in self._pairs if read(pair[0]) in wanted]
        if not popped:
            return None
        self._pairs = [pair for pair in self._pairs if read(pair[0]) not in wanted]
        return ConfigAlias(popped)

    def __getitem__(self, key: str) -> Any:
        return self.config()[key]

    def __add__(self, other: ConfigAlias | Mapping[Any, Any]) -> ConfigAlias:
        if not isinstance(other, ConfigAlias | Mapping):
            return NotImplemented
        more = other if isinstance(other, ConfigAlias) else ConfigAlias(other)
        return ConfigAlias([*self._pairs, *more._pairs])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfigAlias):
            return NotImplemented
        return self.config() == other.config() and self.alias() == other.alias()

    def __hash__(self) -> int:
        return hash(self.config())

    def __repr__(self) -> str:
        return f"ConfigAlias({[(key.value, value.value) for key, value in self._pairs]!r})"


def _alias(value: Any) -> Alias:
    return value if type(value) is Alias else Alias(value)
