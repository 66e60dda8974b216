"""What stands for a value: its short name, or its canonical form where the value itself stayed behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samplers.base import same

# known by its identity, in place of the defaults of a config: there are none, and nothing stands for a value
ALL_PLAIN: Mapping[str, str] = {}


class Alias:
    """A value with a short name to show in tables and file names.

    The name never enters an identity, unless the value has nothing else that is stable.

    Parameters
    ----------
    value : object
    alias : str, optional
        Default: the value's `__name__`, else `str(value)`.

    Examples
    --------
    >>> Alias(max)
    Alias(<built-in function max>, 'max')
    >>> str(Alias([1, 2, 3], 'short'))
    'short'
    """

    __slots__ = ("alias", "value")
    alias: str
    value: Any

    def __init__(self, value: Any, alias: str | None = None) -> None:
        if isinstance(value, Alias):
            alias = value.alias if alias is None else alias
            value = value.value
        if alias is None:
            alias = str(getattr(value, "__name__", value))
        self.value = value
        self.alias = str(alias)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Alias):
            return NotImplemented
        return self.alias == other.alias and same(self.value, other.value)

    def __hash__(self) -> int:
        return hash(self.alias)

    def __str__(self) -> str:
        return self.alias

    def __repr__(self) -> str:
        return f"Alias({self.value!r}, {self.alias!r})"


def unwrap(value: Any) -> Any:
    """Return the value that an Alias holds, anything else as it is."""
    return value.value if type(value) is Alias else value


class Opaque:
    """A value read from a store of which only the canonical form is there: a function, an array, an object.

    Reading a store runs no code, so what cannot be rebuilt from plain data stays closed. Two of them
    are equal if their forms are; the identity of a config that holds one is that of the original.

    Parameters
    ----------
    form : JSON object with one key, such as `{"$function": "module:name"}`
    """

    __slots__ = ("form",)

    def __init__(self, form: dict[str, Any]) -> None:
        self.form = form

    def __eq__(self, other: object) -> bool:
        return self.form == other.form if isinstance(other, Opaque) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self.form))

    def __str__(self) -> str:
        ((tag, content),) = self.form.items()
        if tag == "$array":
            dtype, shape, content_digest = content
            return f"array({dtype}, {tuple(shape)}, {str(content_digest)[:8]})"
        if tag == "$enum":
            return f"{str(content[0]).rpartition(':')[2]}.{content[1]}"
        if isinstance(content, list) and content and isinstance(content[0], str):
            content = content[0]
        return str(content).rpartition(":")[2] if isinstance(content, str) else f"{tag[1:]}(...)"

    def __repr__(self) -> str:
        return f"<{self.__class__.__name__} {self}>"
