"""Who has come how far, and who is to end: a state machine without I/O, clock or randomness.

An experiment that comes to a rung asks, and waits for an answer. Where answers are to be the same however
many workers there are, it is compared with those that come before it in the study, when each of them has
come to the rung as well, or has ended. The first of all that are at work waits for nobody, so that somebody
always goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from research.events import Asks, Verdict
from research.pruning.rules import Others, Progress
from research.pruning.watch import Pruning, Reached


class Standing:
    """How far an experiment has come that has not ended."""

    __slots__ = ("group", "number", "rung")

    def __init__(self, number: int) -> None:
        self.number = number
        self.group: str | None = None  # None: it has not asked yet
        self.rung = 0


class Rung:
    """What experiments of one group have reported after so many iterations."""

    __slots__ = ("_all", "_known", "_merged", "_waiting")

    def __init__(self) -> None:
        self._all: dict[int, Progress] = {}  # by number
        self._known = Others()  # those that come before `_merged`
        self._merged = 0
        self._waiting: list[int] = []  # a heap: numbers of the rest

    def add(self, number: int, progress: Progress) -> None:
        """Take note of a report."""
        is_new = number not in self._all
        self._all[number] = progress
        if not is_new or number < self._merged:  # seldom: somebody has begun anew
            self._known, self._merged, self._waiting = Others(), 0, sorted(self._all)
        else:
            heappush(self._waiting, number)

    def before(self, number: int) -> Others:
        """Return what those have reported that come before a number; it is not to be kept."""
        if number < self._merged:
            return Others(progress for other, progress in self._all.items() if other < number)
        while self._waiting and self._waiting[0] < number:
            self._known.add(self._all[heappop(self._waiting)])
        self._merged = number
        return self._known

    def all(self) -> Others:
        """Return what all have reported; it is not to be kept."""
        return self.before(max(self._all, default=0) + 1)


class Stored(NamedTuple):
    """What an earlier run has left of an experiment that is over."""

    number: int
    group: str
    reached: list[Reached]


class Judge:
    """Answers experiments that ask whether they go on.

    Parameters
    ----------
    pruning : Pruning
    """

    def __init__(self, pruning: Pruning) -> None:
        self.pruning = pruning
        self._open: dict[str, Standing] = {}
        self._late: dict[str, int] = {}  # numbers of those that are tried again: nobody waits for them
        self._rungs: defaultdict[tuple[str, int], Rung] = defaultdict(
            Rung
        )  # by group and number of iterations
        self._waiting: list[Asks] = []

    @property
    def n_waiting(self) -> int:
        """How many workers wait for an answer."""
        return len({ask.worker for ask in self._waiting})

    @property
    def keeps_order(self) -> bool:
        """Whether answers depend on the order of the study alone."""
        return self.pruning.wait and not self.pruning.rule.is_alone

    def recall(self, stored: Iterable[Stored]) -> None:
        """Take note of experiments that earlier runs have done."""
        for number, group, reached in stored:
            for rung, progress in reached:
                self._rungs[group, rung].add(number, progress)

    def open(self, experiment: str, number: int) -> None:
        """Take note of an experiment that is handed out."""
        self._open[experiment] = Standing(number)

    def close(self, experiment: str) -> None:
        """Take note of one that has ended, or has failed and may be tried again."""
        self._open.pop(experiment, None)
        self._late.pop(experiment, None)
        self._waiting = [ask for ask in self._waiting if ask.experiment != experiment]

    def try_again(self, experiment: str, number: int) -> None:
        """Take note of one that has ended once: what it reports now counts for itself alone."""
        self._late[experiment] = number

    def drop(self, worker: int) -> None:
        """Forget what a worker has asked that has died."""
        self._waiting = [ask for ask in self._waiting if ask.worker != worker]

    def ask(self, ask: Asks) -> None:
        """Take a question, which `verdicts` answers."""
        standing = self._open.get(ask.experiment)
        if standing is None and ask.experiment not in self._late:
            return
        if standing is not None:
            standing.group, standing.rung = ask.group, ask.rung
            if self.pruning.wait:
                self._rungs[ask.group, ask.rung].add(standing.number, Progress(*ask.progress))
        self._waiting.append(ask)

    def answer(self, ask: Asks) -> Verdict:
        """Answer at once, where nobody else is at work: all that come before have come as far, or ended."""
        if ask.experiment in self._open:
            self._rungs[ask.group, ask.rung].add(self._number(ask.experiment), Progress(*ask.progress))
        return self._decide(ask)

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """Return what can be answered now, each once: pairs of a worker and the answer."""
        answered = [ask for ask in self._waiting if not self._is_blocked(ask)]
        if answered:
            self._waiting = [ask for ask in self._waiting if ask not in answered]
        return [(ask.worker, self._decide(ask)) for ask in answered]

    def give_way(self) -> list[tuple[int, Verdict]]:
        """Answer the first of those that wait, as nobody can go on otherwise."""
        first = min(self._waiting, key=lambda ask: self._number(ask.experiment))
        self._waiting.remove(first)
        return [(first.worker, self._decide(first))]

    def _number(self, experiment: str) -> int:
        standing = self._open.get(experiment)
        return self._late[experiment] if standing is None else standing.number

    def _is_blocked(self, ask: Asks) -> bool:
        if not self.pruning.wait:
            return False
        number = self._number(ask.experiment)
        return any(
            one.number < number and one.rung < ask.rung and one.group in (None, ask.group)
            for one in self._open.values()
        )

    def _decide(self, ask: Asks) -> Verdict:
        own, rung = Progress(*ask.progress), self._rungs[ask.group, ask.rung]
        others = rung.before(self._number(ask.experiment)) if self.pruning.wait else rung.all()
        reason = self.pruning.rule.verdict(own, others)
        if not self.pruning.wait and ask.experiment in self._open:
            rung.add(self._open[ask.experiment].number, own)
        return Verdict(ask.experiment, self.pruning.explain(ask.rung, reason))
