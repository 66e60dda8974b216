"""From a domain to tasks: which experiments there are to run, each once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from research.domain import Alias, Config, Domain
from research.domain.identity import experiment_id
from research.domain.ordering import Walk
from research.events import Member, Task
from research.storage.base import Registered


class TaskSource(Iterator[Task]):
    """Walks the tasks of a domain, and remembers which experiments it has named.

    Equal configs of one domain are one experiment, which runs once.

    Parameters
    ----------
    domain : Domain
    walk : Walk
        Numbering of configs and repetitions.
    seed : int
        The study's; draws of samplers depend on it.
    generation : int, default 0
        How many times the domain had been replaced.
    n_branches : int, default 1
        How many experiments make a task.

    Attributes
    ----------
    n_duplicates : int
        Configs that were left out because an equal one came before.
    """

    def __init__(
        self, domain: Domain, walk: Walk, seed: int, generation: int = 0, n_branches: int = 1
    ) -> None:
        self._domain = domain
        self._walk = walk
        self._stream = domain.stream(seed, generation)
        self._generation = generation
        self._n_branches = n_branches
        self._number = 0  # of the next item
        self._task = 0  # of the next task
        self._seen: set[int] = set()
        self._registered: list[Registered] = []
        self.n_duplicates = 0

    def __next__(self) -> Task:
        members: list[Member] = []
        while len(members) < self._n_branches:
            if self._walk.size is not None and self._number >= self._walk.size:
                break
            member = self._next_member()
            if member is not None:
                members.append(member)
        if not members:
            raise StopIteration
        self._task += 1
        return Task(self._task - 1, tuple(members))

    def take_registered(self) -> list[Registered]:
        """Return experiments named since the last call."""
        registered, self._registered = self._registered, []
        return registered

    def _next_member(self) -> Member | None:
        number = self._number
        self._number += 1
        place = self._walk.place(number)
        key = self._domain.locate(place.position, self._stream)
        point = self._domain.point(key, self._stream, place.pass_)
        config = point.config
        canonical = config.canonical
        id_ = experiment_id(canonical, place.repetition, self._generation, place.pass_)
        if int(id_, 16) in self._seen:
            self.n_duplicates += 1
            return None
        self._seen.add(int(id_, 16))
        member = Member(id_, number, key, place.pass_, place.repetition, self._generation, point.places)
        self._registered.append(Registered(member, canonical, self._notes(config)))
        return member

    def _notes(self, config: Config) -> str | None:
        """Return what is stored beside the canonical form: short names, and parameters with their default."""
        values = {name: value.alias for name, value in config.raw_items() if type(value) is Alias}
        names = {name: alias.alias for name, alias in self._domain.key_aliases.items() if name in config}
        defaults = {path: json.loads(text) for path, text in config.defaults.items()}
        notes = {"names": names, "values": values, "defaults": defaults}
        return json.dumps(notes) if any(notes.values()) else None
