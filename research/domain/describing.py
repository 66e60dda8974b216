"""Domains as tables: what their parameters are, and the first configs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from research.domain.config import Config, flatten
from research.domain.drawing import Stream
from research.domain.ordering import Sum
from research.domain.values import unwrap
from research.errors import NoMatchError
from samplers import Float, Int, Sampler

if TYPE_CHECKING:
    import pandas as pd

_N_SHOWN = 5  # configs
_LONGEST = 400  # characters of an expression
_NUMBERS = (int, float, np.number)


def parameters_frame(sequence: Sum) -> pd.DataFrame:
    """Return a table of a domain's parameters; see `Domain.describe`."""
    import pandas as pd

    columns: dict[str, list[Any]] = {name: [] for name in sequence.names}
    for name, values in sequence.columns():
        columns[name].append(values)
    rows = [_row(sources) for sources in columns.values()]
    return pd.DataFrame(
        rows,
        columns=["kind", "n_values", "min", "max", "values"],
        index=pd.Index(columns, name="parameter", dtype=object),
        dtype=object,
    )


def _row(sources: Sequence[Any]) -> tuple[Any, ...]:
    kinds: dict[str, None] = {}
    ends: list[Any] = []
    examples: list[str] = []
    n_values: int | None = 0
    for source in _different(sources):
        if isinstance(source, Sampler):
            kinds[type(source).__name__] = None
            n_values = None
            ends.extend([source.low, source.high] if isinstance(source, Float | Int) else [])
            examples.append(repr(source))
            continue
        if n_values is not None:
            n_values += len(source)
        kinds.update(dict.fromkeys(_kinds(source)))
        ends.extend(_ends(source))
        examples.extend(_short(_item(value)) for value in islice(source, 4))
        if len(source) > 4:
            examples.append("...")
    low, high = _extremes(ends)
    return ", ".join(kinds), n_values, low, high, ", ".join(dict.fromkeys(examples))


def _different(sources: Sequence[Any]) -> list[Any]:
    """Leave out columns that are the same object, which a product shares among its summands."""
    return list({id(source): source for source in sources}.values())


def _kinds(values: Any) -> Iterable[str]:
    if isinstance(values, range):
        return ["int"]
    if isinstance(values, np.ndarray) and not values.dtype.hasobject and values.ndim == 1:
        return [type(values[0].item()).__name__] if len(values) else []
    return dict.fromkeys(type(unwrap(value)).__name__ for value in values)


def _ends(values: Any) -> list[Any]:
    if isinstance(values, range):
        return [values[0], values[-1]] if len(values) else []
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf" and values.ndim == 1:
        values = values[values == values]
        return [values.min().item(), values.max().item()] if len(values) else []
    numbers = [unwrap(value) for value in values]
    return [item for item in numbers if isinstance(item, _NUMBERS) and not isinstance(item, bool)]


def _extremes(numbers: list[Any]) -> tuple[Any, Any]:
    known = [number for number in numbers if number == number]  # nan is neither
    return (min(known), max(known)) if known else (None, None)


def _item(value: Any) -> Any:
    value = unwrap(value)
    return value.item() if isinstance(value, np.generic) else value


def _short(value: Any, limit: int = 40) -> str:
    text = getattr(value, "__name__", None) or repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def configs_frame(configs: Iterable[Config]) -> pd.DataFrame:
    """Return configs as a table; see `Domain.to_df`."""
    from research.framing import frame_of

    rows = [{name: unwrap(value) for name, value in flatten(config.raw_items())} for config in configs]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column([row.get(name, _MISSING) for row in rows]) for name in names}
    return frame_of(columns, index=range(len(rows)))


_MISSING: Any = object()


def _column(values: list[Any]) -> Any:
    """Return values as a column of the type that shows them as they are."""
    import pandas as pd

    kinds = {type(value) for value in values}
    if len(kinds) == 1 and kinds <= {bool, int, float, str}:
        return pd.Series(values, dtype=None if kinds != {str} else object)
    filled = [None if value is _MISSING else value for value in values]
    if kinds <= {float, object}:
        return pd.Series([np.nan if value is None else value for value in filled], dtype=float)
    return pd.Series(filled, dtype=object)


def as_html(sequence: Sum, stream: Stream) -> str:
    """Return what notebooks show: the expression, the length, the first configs."""
    try:
        configs = list(islice(sequence.configs(stream), _N_SHOWN))
    except NoMatchError as error:
        return _html(repr(sequence), str(error), [], is_cut=False)
    known = sequence.known(stream)
    unknown = "endless" if sequence.is_endless else "not counted yet"
    size = unknown if known is None else f"{known:,} config{'s' * (known != 1)}"
    return _html(repr(sequence), size, configs, is_cut=known is None or known > len(configs))


def _html(expression: str, size: str, configs: Sequence[Config], is_cut: bool) -> str:
    if len(expression) > _LONGEST:
        expression = f"{expression[: _LONGEST - 4]} ..."
    rows = [dict(flatten(config.raw_items())) for config in configs]
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    cells = [[escape(_short(unwrap(row[name]))) if name in row else "" for name in names] for row in rows]
    if is_cut:
        cells.append(["&hellip;"] * len(names))
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if names else ""
    return f"<div><code>{escape(expression)}</code><p>{escape(size)}</p>{table}</div>"


def escape(text: str) -> str:
    """Write text as HTML."""
    import html  # most studies are never shown so

    return html.escape(text)
