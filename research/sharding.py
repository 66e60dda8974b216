"""Runs of parts of a study, several of which may be at work at once: which numbers each of them gives.

Who runs a shard walks the whole domain, and gives each of its experiments the key that it would have in one
run of all. So tables are in the same order, whoever was faster, and no two drivers give one number twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from research.domain import Domain
from research.domain.hashing import digest
from research.domain.ordering import Walk
from research.storage.past import Past
from research.storage.presence import MOST_SHARDS, WHOLE, Shard

_ADDRESS = re.compile(" at 0x[0-9a-f]+")
_MOST_NAMED = 1000


class Part(NamedTuple):
    """What a run takes of a domain.

    Attributes
    ----------
    shard : Shard
    first_key : int
        The key of the domain's first experiment.
    first_group : int
        The number of the run's first task.
    """

    shard: Shard
    first_key: int
    first_group: int

    def has_key(self, key: int) -> bool:
        """Whether an experiment of this key is taken."""
        return key >= self.first_key and self.shard.has(key - self.first_key)


def check_shard(shard: Any) -> Shard:
    """Return which part of a study is to be run.

    Raises
    ------
    ValueError
        If that is no part.
    """
    if shard is None:
        return WHOLE
    is_pair = isinstance(shard, tuple | list) and len(shard) == 2
    if not is_pair or not all(isinstance(item, int) and not isinstance(item, bool) for item in shard):
        raise ValueError(f"`shard` must be two ints, as (0, 4) for the first of four parts, got {shard!r}")
    number, total = shard
    if not 0 <= number < total <= MOST_SHARDS:
        raise ValueError(
            f"`shard` must be (k, n) with 0 <= k < n <= {MOST_SHARDS}, as (0, 4) for the first of four "
            f"parts, got {shard!r}"
        )
    return Shard(number, total)


def check_walk(shard: Shard, size: int | None, has_updates: bool) -> None:
    """Refuse studies of which nobody can run a part.

    Raises
    ------
    ValueError
        Says why.
    """
    if shard == WHOLE:
        return
    if has_updates:
        raise ValueError(
            f"`shard={tuple(shard)}` runs a part of the domain that there is: functions that update it need "
            "the results of all of it, so leave out `shard`, or the functions"
        )
    if size is None:
        raise ValueError(
            f"`shard={tuple(shard)}` is a part of a domain, and this one has no end: say how many configs to "
            "take of it, by `n_configs`"
        )


def own_size(shard: Shard, size: int | None) -> int | None:
    """Return how many of so many experiments a shard has, if all are different."""
    return None if size is None else len(range(shard.number, size, shard.total))


def describe_walk(domain: Domain, walk: Walk, ids: Iterable[str]) -> str:
    """Return what tells a domain and how it is walked from others, on every machine."""
    text = _ADDRESS.sub("", repr(domain))  # of objects whose text says no more; ids do
    return "|".join([text, repr(walk), *islice(ids, _MOST_NAMED)])


def allot(
    shard: Shard, walk: str, size: int, past: Past, settings: Mapping[str, Any]
) -> tuple[Part, dict[str, Any]]:
    """Return what a run of a shard takes, and what is to be kept of that with the study.

    It is this driver's turn: nobody else allots meanwhile.

    Parameters
    ----------
    shard : Shard
    walk : str
        What tells a domain and how it is walked from others.
    size : int
        How many experiments there are, at most.
    past : Past
    settings : Mapping
        Of the study, as stored.
    """
    known = settings.get("shards") or {}
    walks = dict(known.get("walks", {}))
    key, group = beyond(past, settings)
    first_key = walks.setdefault(digest(walk), key)
    parts = sorted({*map(tuple, known.get("parts", ())), tuple(shard)})  # what is here, and not yet elsewhere
    kept = {"walks": walks, "keys": max(key, first_key + size), "groups": group + size, "parts": parts}
    return Part(shard, first_key, group), kept


def beyond(past: Past, settings: Mapping[str, Any]) -> tuple[int, int]:
    """Return the first key and the first number of a task that no run has, nor may yet give."""
    known = settings.get("shards") or {}
    return max(past.next_key, known.get("keys", 0)), max(past.n_groups, known.get("groups", 0))
