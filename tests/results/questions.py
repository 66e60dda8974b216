"""Studies to put questions to, written without being run, and what pandas makes of conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from research import Config
from research.domain.identity import experiment_id
from research.events import Ended, Member, Running, Values
from research.results.conditions import Among, Compared, Condition, Every, Like, Missing, Name, Not, Some
from research.storage.base import Record, Registered, Store, Study
from research.storage.encoding import encode_block, freeze

PANDAS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def fill(
    store: Store,
    experiments: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
    repetitions: int = 1,
    name: str = "study",
    **settings: Any,
) -> Store:
    """Write experiments, pairs of a config and of what its variables were at the end, into an empty store."""
    store.begin(Study(name, 1.0, 1, "1", "Domain({})", {"workers": 1, "branches": 1, **settings}))
    records: list[Record] = []
    pairs = [(config, values, nth) for config, values in experiments for nth in range(repetitions)]
    for number, (config, values, repetition) in enumerate(pairs):
        canonical = Config(config).canonical
        id_ = experiment_id(canonical, repetition)
        records.append(Registered(Member(id_, number, number, 0, repetition, 0), canonical, None, number, 0))
        records.append(Running(0, id_, 1.0, 1))
        blocks = tuple(encode_block(key, None, [0], [freeze(value)]) for key, value in values.items())
        records += [Values(id_, blocks, False), Ended(0, id_, "done", 1.0, 2.0, 1, (), None)]
    store.write(records)
    return store


def column_of(frame: pd.DataFrame, name: Name) -> pd.Series:
    """Return a column of objects: one of text takes one zero byte for no text."""
    return frame[name.name].astype(object)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def mask_of(condition: Condition, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """Return which rows of a table pandas finds for a condition."""
    match condition:
        case Compared(left, "!=", Name() as right):
            return ~mask_of(Compared(left, "==", right), frame)
        case Compared(left, sign, Name() as right):
            one, other = column_of(frame, left), column_of(frame, right)
            are_one_kind = one.notna() & other.notna() & (one.map(_is_text) == other.map(_is_text))
            found = getattr(one[are_one_kind], PANDAS[sign])(other[are_one_kind])
            return found.reindex(frame.index, fill_value=False).to_numpy(bool)
        case Compared(left, sign, right):
            column = column_of(frame, left)
            if sign not in ("==", "!="):  # pandas refuses to compare numbers with texts: none holds
                column = column.where(column.map(_is_text) == _is_text(right))
            return getattr(column, PANDAS[sign])(right).to_numpy(bool)
        case Among(left, values):
            column = column_of(frame, left)
            is_any = column.isin([value for value in values if value is not None])
            return (is_any | column.isna() if None in values else is_any).to_numpy(bool)
        case Missing(left):
            return frame[left.name].isna().to_numpy(bool)
        case Like(left, pattern):
            assert pattern.endswith("%") and "%" not in pattern[:-1] and "_" not in pattern
            column = column_of(frame, left)
            return column.map(lambda item: _is_text(item) and item.startswith(pattern[:-1])).to_numpy(bool)
        case Not(part):
            return ~mask_of(part, frame)
        case Every(parts):
            return np.logical_and.reduce([mask_of(part, frame) for part in parts])
        case Some(parts):
            return np.logical_or.reduce([mask_of(part, frame) for part in parts])
    raise AssertionError(condition)
