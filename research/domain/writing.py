"""Products as code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from research.domain.conditions import Condition
from research.domain.factors import Column, DrawFactor, Factor
from research.domain.rules import Rules


def write_product(
    factors: Sequence[Factor],
    conditions: Sequence[Condition],
    defaults: Mapping[str, Any],
    weight: float | None,
    rules: Rules | None = None,
) -> str:
    """Return an expression that evaluates to a product, see `Cube`."""
    text, is_product = _write(factors, conditions)
    if defaults:
        text = f"{f'({text})' if is_product else text}.with_defaults({dict(defaults)!r})"
        is_product = False
    if rules is not None:
        text, is_product = f"{f'({text})' if is_product else text}{rules!r}", False
    if weight is None:
        return text
    return f"{weight!r} * {f'({text})' if is_product else text}"


def _write(factors: Sequence[Factor], conditions: Sequence[Condition]) -> tuple[str, bool]:
    """Write factors, the conditions behind those that they were made for; tell whether it is a product."""
    names = {name for factor in factors for name in factor.names}
    outer = [item for item in conditions if item.arguments is not None or not set(item.scope) < names]
    inner = [item for item in conditions if item not in outer]
    parts: list[Factor | str] = list(factors)
    while inner:
        scope = set(max(inner, key=lambda item: len(item.scope)).scope)
        own = [item for item in inner if set(item.scope) <= scope]
        inner = [item for item in inner if item not in own]
        run = [number for number, part in enumerate(parts) if _is_within(part, scope)]
        if not run:  # they were made for configs without parameters
            parts.insert(0, _write((), own)[0])
        else:
            made = [part for part in parts[run[0] : run[-1] + 1] if isinstance(part, Factor)]
            parts[run[0] : run[-1] + 1] = [_write(made, own)[0]]
    texts: list[str] = []
    for kind, group in groupby(parts, lambda part: isinstance(part, Column | DrawFactor)):
        if kind:
            options = ", ".join(f"{part.names[0]!r}: {part!r}" for part in group if isinstance(part, Factor))
            texts.append(f"Domain({{{options}}})")
        else:
            texts.extend(part if isinstance(part, str) else repr(part) for part in group)
    text = " * ".join(texts) or "Domain({})"
    if not outer:
        return text, len(texts) > 1
    text = f"({text})" if len(texts) > 1 else text
    return text + "".join(f".where({condition})" for condition in outer), False


def _is_within(part: Factor | str, scope: set[str]) -> bool:
    return isinstance(part, Factor) and not scope.isdisjoint(part.names)
