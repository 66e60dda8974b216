"""From a domain to tasks: which experiments there are to run, each once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from research.domain import Alias, Config, Domain
from research.domain.identity import experiment_id
from research.domain.numbering import Numbering
from research.domain.ordering import Place, Walk
from research.events import Member, Task, new
from research.sharding import Part
from research.storage.base import Registered
from research.storage.past import Past
from research.updating import Update


def walk_ids(domain: Domain, walk: Walk, seed: int) -> Iterator[str]:
    """Walk the ids of the experiments of a domain that replaced no other; there may be endlessly many."""
    stream = domain.stream(seed, 0)
    for place in walk.places():
        key = domain.locate(place.position, stream)
        canonical = domain.canonical(key)
        if canonical is None:
            canonical = domain.point(key, stream, place.pass_).config.canonical
        yield experiment_id(canonical, place.repetition, 0, place.pass_)


# an experiment before it is known whether it is run: with its canonical form, what is noted beside that, and
# its key if it is new; None: the next one
_Named: TypeAlias = tuple[Member, str, str | None, int | None]


class TaskSource(Iterator[Task | None]):
    """Walks the tasks of a domain, and of those that replace it; remembers which experiments it has named.

    Equal configs of one domain are one experiment, which runs once. Where an update of the domain is due, no
    further task is given until it is known what comes of it.

    Parameters
    ----------
    domain : Domain
    walk : Walk
        Numbering of configs and repetitions.
    seed : int
        The study's; draws of samplers depend on it.
    n_branches : int, default 1
        How many experiments make a task.
    updates : sequence of Update, optional
    n_digits : int, default 0
        Of the numbers before the ids of experiments; 0: there are none.
    past : Past, optional
        What earlier runs have left: it is not run again.
    in_groups : bool, default False
        Tasks are those of a first run: of one in which anything is to be run, all is.
    code : str, optional
        Which code experiments are made with.
    part : Part, optional
        What is given of the domain, and by which numbers. Default: all of it, by those that come next.

    Attributes
    ----------
    generation : int
        How many times the domain had been replaced.
    n_duplicates : int
        Configs that were left out because an equal one came before.
    n_over : int
        Configs that were left out because an earlier run has done them.
    due : tuple of Update
        Those that are to be asked now: `replace` or `keep` is to be called with the answer.
    """

    def __init__(
        self,
        domain: Domain,
        walk: Walk,
        seed: int,
        n_branches: int = 1,
        updates: Sequence[Update] = (),
        n_digits: int = 0,
        past: Past | None = None,
        in_groups: bool = False,
        code: str | None = None,
        part: Part | None = None,
    ) -> None:
        self._part = part
        self._past = Past() if past is None else past
        self._code = code
        self._is_first = part is None and self._past.is_empty  # there is nothing but this run
        self._in_groups = in_groups
        self._seed = seed
        self._n_branches = n_branches
        self._updates = updates
        self._number = 0  # of the next item
        self._task = self._past.n_groups  # number of the next task
        self._next_key = self._past.next_key
        if part is not None:
            self._task = part.first_group
        self._seen: set[int] = set()
        self._registered: list[Registered] = []
        self._n_digits = n_digits
        self._numbering = Numbering() if n_digits else None
        self.n_duplicates = 0
        self.n_over = 0
        self._begin(domain, walk, 0)

    def _begin(self, domain: Domain, walk: Walk, generation: int) -> None:
        self._domain = domain
        self._walk = walk
        self._places = walk.places()
        self._is_bare = domain.is_bare and self._numbering is None  # a config has nothing but its values
        self._texts = domain.texts
        self._stream = domain.stream(self._seed, generation)
        self.generation = generation
        self._first = self._number  # of this domain's items
        self._end = None if walk.size is None else self._first + walk.size  # comes after the last of them
        self._is_asked_at_end = False
        self.due: tuple[Update, ...] = ()
        if self._numbering is not None:
            self._numbering.extend(domain)

    @property
    def n_items(self) -> int:
        """How many items have been named, repetitions and duplicates included."""
        return self._number

    def __next__(self) -> Task | None:
        while True:
            group = self._next_group()
            if not group:
                if self.due:
                    return None
                raise StopIteration
            if not (self._in_groups and all(self._past.is_over(int(named[0].id, 16)) for named in group)):
                break
            self.n_over += len(group)
        for slot, named in enumerate(group):
            self._register(named, slot)
        self._task += 1
        task: Task = new(Task, (self._task - 1, tuple([named[0] for named in group])))
        return task

    def _next_group(self) -> list[_Named]:
        """Name as many as run side by side; of those that are over none, unless groups are to stay whole."""
        group: list[_Named] = []
        while len(group) < self._n_branches and not self.due:
            if self._number == self._end:
                self._look_for_updates(has_generated=False)
                break
            named = self._next_named()
            if named is not None:
                group.append(named)
            if self._updates:
                self._look_for_updates(has_generated=True)
        return group

    def _look_for_updates(self, has_generated: bool) -> None:
        """Ask the updates whether they are due, with the number of the config just generated."""
        is_used_up = self._number == self._end
        is_end = is_used_up and not self._is_asked_at_end
        if is_end and self.generation and self._number == self._first:
            is_end = False  # a domain without configs is the answer that there are no more
        self._is_asked_at_end = is_used_up
        number = self._number - 1 if has_generated else -1
        self.due = tuple(
            update
            for update in self._updates
            if (has_generated and update.when.is_due(number, is_end)) or (is_end and update.when.last)
        )

    def keep(self) -> None:
        """Go on with the domain that is in force."""
        self.due = ()

    def replace(self, domain: Domain, walk: Walk) -> None:
        """Go on with another domain."""
        self._begin(domain, walk, self.generation + 1)

    def take_registered(self) -> list[Registered]:
        """Return experiments named since the last call."""
        registered, self._registered = self._registered, []
        return registered

    def _next_named(self) -> _Named | None:
        """Name the next; None if it came before, or is over and not wanted for the sake of its group."""
        number = self._number
        self._number += 1
        place = next(self._places)
        position, pass_, repetition = place
        domain, point = self._domain, None
        key = domain.locate(position, self._stream)
        canonical = self._texts(key)
        if canonical is None:
            point = domain.point(key, self._stream, pass_)
            canonical = point.config.canonical
        id_ = experiment_id(canonical, repetition, self.generation, pass_)
        hashed, seen = int(id_, 16), self._seen
        if hashed in seen:
            self.n_duplicates += 1
            return None
        new_key, is_left_out = (None, False) if self._is_first else self._look_back(hashed, len(seen))
        seen.add(hashed)
        if is_left_out and self._numbering is None:
            return None
        if point is None and self._is_bare:
            member = new(Member, (id_, number, key, pass_, repetition, self.generation, (), None))
            return member, canonical, None, new_key
        point = point or domain.point(key, self._stream, pass_)
        prefix = self._prefix(point.values, place)  # also of those that are left out: the next are counted on
        if is_left_out:
            return None
        member = Member(id_, number, key, pass_, repetition, self.generation, point.places, prefix)
        return member, canonical, self._notes(point.config, repetition), new_key

    def _look_back(self, hashed: int, place: int) -> tuple[int | None, bool]:
        """Return the key of an experiment, if it is new, and whether it is left out: over, or another's."""
        new_key, part = None, self._part
        if part is not None:
            new_key = part.first_key + place
            if not part.shard.has(place):
                return new_key, True
        is_over = not self._in_groups and self._past.is_over(hashed)
        self.n_over += is_over
        return new_key, is_over

    def _register(self, named: _Named, slot: int) -> None:
        member, canonical, notes, new_key = named
        known = None if self._is_first else self._past.find(member.id)
        if known is None:
            key, attempt, before = self._next_key if new_key is None else new_key, 1, None
            self._next_key += 1
        else:
            key, attempt, before = known
        task, code, is_stored = self._task, self._code, known is not None
        self._registered.append(
            new(Registered, (member, canonical, notes, task, slot, key, attempt, before, code, is_stored))
        )

    def _prefix(self, values: Mapping[str, Any], place: Place) -> str | None:
        """Return what is shown before an experiment's id."""
        if self._numbering is None:
            return None
        number = place.pass_ * (self._walk.length or 0) + place.position
        return self._numbering.prefix(values, number, place.repetition, self._n_digits)

    def _notes(self, config: Config, repetition: int) -> str | None:
        """Return what is stored beside the canonical form: short names, and values that are no part of it."""
        values = {name: value.alias for name, value in config.raw_items() if type(value) is Alias}
        aliases, texts = self._domain.key_aliases, config.defaults
        bred = self._domain.has_parents
        parents = self._domain.parents(config.canonical, repetition) if bred else ()
        if not (values or aliases or texts or config.rules or parents):
            return None
        ignored, replaced = config.ruled()
        names = {name: alias.alias for name, alias in aliases.items() if name in config}
        notes: dict[str, Any] = {"names": names, "values": values, "defaults": _forms(texts)}
        if config.rules:
            notes.update(ignored=_forms(ignored), replaced=_forms(replaced))
        if parents:
            notes["parents"] = list(parents)
        return json.dumps(notes) if any(notes.values()) else None


def _forms(texts: Mapping[str, str]) -> dict[str, Any]:
    return {path: json.loads(text) for path, text in texts.items()}
