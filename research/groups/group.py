"""A group of parameters as programs read it: by dot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from research.errors import UnknownParameterError, did_you_mean
from research.groups.names import dotted


class Group:
    """Parameters, or those of them whose names begin alike; whoever has a part sees nothing beside it.

    Names are as they were given; where upper and lower case make no difference they may be read in either.

    Parameters
    ----------
    values : dict
        By paths.
    where : str
        What errors say of it.
    prefix : str, optional
        Of the names of all parameters in it.

    Examples
    --------
    >>> group = Group({'stop/fast': 12.3, 'stop/slow': 7.2, 'n': 5}, 'this group')
    >>> group.stop.fast, group['stop.slow'], group.N, list(group.stop)
    (12.3, 7.2, 5, ['fast', 'slow'])
    >>> group.stop.fest
    Traceback (most recent call last):
    research.errors.UnknownParameterError: there is no parameter 'stop.fest' in this group; did you mean ...
    """

    __slots__ = ("__folded", "__prefix", "__values", "__where")

    def __init__(self, values: Mapping[str, Any], where: str, prefix: str = "") -> None:
        self.__values = values
        self.__where = where
        self.__prefix = prefix
        self.__folded: dict[str, list[str]] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        path = name.replace("__", "/").replace(".", "/") if isinstance(name, str) else str(name)
        found = self.__prefix + path
        if found not in self.__values and not self.__has_part(found):
            found = self.__in_other_case(path)
        if found in self.__values:
            return self.__values[found]
        part = f"{found}/"
        values = {key: value for key, value in self.__values.items() if key.startswith(part)}
        return Group(values, self.__where, part)

    def __has_part(self, path: str) -> bool:
        return any(key.startswith(f"{path}/") for key in self.__values)

    def __in_other_case(self, path: str) -> str:
        """Return the one path that differs in case only."""
        if self.__folded is None:
            folded: dict[str, list[str]] = {}
            for key in self.__values:
                parts = key.split("/")
                for length in range(1, len(parts) + 1):
                    start = "/".join(parts[:length])
                    known = folded.setdefault(start.casefold(), [])
                    if start not in known:
                        known.append(start)
            self.__folded = folded
        found = self.__folded.get((self.__prefix + path).casefold(), [])
        if len(found) == 1:
            return found[0]
        shown = dotted(self.__prefix + path)
        if found:
            several = " and ".join(repr(dotted(name)) for name in found)
            raise UnknownParameterError(f"{shown!r} may be {several} in {self.__where}: write it as it is")
        names = {dotted(name) for names in self.__folded.values() for name in names}
        ends = sorted(name for name in names if name.casefold().endswith(f".{shown.casefold()}"))[:3]
        near = f"; did you mean {' or '.join(map(repr, ends))}?" if ends else did_you_mean(shown, names)
        raise UnknownParameterError(f"there is no parameter {shown!r} in {self.__where}{near}")

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key[len(self.__prefix) :].partition("/")[0] for key in self.__values))

    def __len__(self) -> int:
        return len(set(self))

    def __contains__(self, name: object) -> bool:
        try:
            self[name]  # type: ignore[index]  # whatever is looked for
        except UnknownParameterError:
            return False
        return True

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{dotted(key[len(self.__prefix) :])}={value!r}" for key, value in self.__values.items()
        )
        return f"Group({shown})"
