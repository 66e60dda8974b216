"""A way to write a small study to a folder without running it: what became of each experiment is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from research.domain.identity import experiment_id
from research.events import Ended, Member, Running, Values
from research.storage.base import Closed, Record, Registered, Restarted, Study
from research.storage.encoding import encode_block, freeze
from research.storage.opening import sqlite_store

SETTINGS = {"parameters": ["a"], "variables": ["x"], "workers": 1, "branches": 1, "redirect": [2, 0]}


def id_of(a: Any) -> str:
    """Return the id of the experiment with this parameter."""
    return experiment_id(json.dumps({"a": a}))


def write_study(
    name: str,
    values: Mapping[Any, Iterable[Any]],
    statuses: Mapping[Any, str] | None = None,
    seed: int = 1,
    block: int = 100,
    attempts: Mapping[Any, int] | None = None,
    prefix: str | None = None,
    **settings: Any,
) -> str:
    """Write a study of one parameter `a` and one variable `x`; return its name.

    Parameters
    ----------
    name : str
    values : dict
        By `a`, what `x` was at the iterations 0, 1, …
    statuses : dict, optional
        Of experiments that are not done.
    seed : int
    block : int
        How many values make a block.
    attempts : dict, optional
    prefix : str, optional
        Of ids.
    """
    Path(name).mkdir(parents=True)
    store = sqlite_store(Path(name))
    store.begin(Study(name, 1.0, seed, "1", "Domain({'a': [1]})", {**SETTINGS, **settings}))
    for number, (a, items) in enumerate(values.items()):
        status = (statuses or {}).get(a, "done")
        member = Member(id_of(a), number, number, 0, 0, 0, prefix=prefix)
        records: list[Record] = [Registered(member, json.dumps({"a": a}), None, number, 0)]
        if attempts and a in attempts:
            records.append(Restarted(member.id, attempts[a]))
        frozen = [freeze(item) for item in items]
        for start in range(0, len(frozen), block):
            part = frozen[start : start + block]
            places = list(range(start, start + len(part)))
            records.append(Values(member.id, (encode_block("x", start // block, places, part),), False))
        if status == "running":
            records.append(Running(0, member.id, 1.0, len(frozen)))
        elif status != "queued":
            records.append(Ended(0, member.id, status, 1.0, 2.0, len(frozen), (), None))
        store.write(records)
    store.write([Closed(3.0, "done", None)])
    store.close()
    return name
