"""Scheduling: a thousand workers that exist on paper only, and a million tasks of very different lengths.

The scheduler is a state machine without a clock, so that an hour of a cluster passes in seconds. Workers
here take commands, work, tell what they have done in the way of real ones, die at tasks, and some are slow.
What is measured is the scheduler alone: the time that it takes for a task, what it holds in memory, and how
long a study takes, beside what it must: no order of tasks ends before the longest of them, nor before all
the work divided by all the workers. Where nobody knows how long tasks are, an order may take up to twice as
long (R. L. Graham, "Bounds for certain multiprocessing anomalies", 1966).
"""

from __future__ import annotations

import heapq
import random
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.question import Case, Contender, check, main

if TYPE_CHECKING:
    from research.events import Command, Event, Task

WORKERS = 1000
LATENCY = 0.0005  # seconds on the way to or from a worker
FLUSH = 0.25  # seconds between two times that a busy worker tells what it has done
RESTART = 2.0  # seconds until another worker takes the place of one that has died


class World(NamedTuple):
    """What happens to tasks."""

    seconds: float  # that a task takes, the median
    spread: float  # of the logarithm; 0: all are alike
    deaths: float  # per task
    slow: float  # share of workers that take five times as long


WORLDS = {
    "tasks of 10 s, heavy-tailed": World(10.0, 1.5, 0.0, 0.0),
    "tasks of 10 ms, heavy-tailed": World(0.01, 1.5, 0.0, 0.0),
    "10 s, with deaths, slow nodes": World(10.0, 1.5, 1e-4, 0.1),
}


class Node:
    """A worker on paper."""

    __slots__ = ("at", "done", "flushed", "queue", "slowness")

    def __init__(self, slowness: float) -> None:
        self.slowness = slowness
        self.queue: deque[tuple[Task, bool]] = deque()
        self.done: list[Event] = []
        self.flushed = 0.0
        self.at: int | None = None  # the number of its task


class Cluster:
    """Runs tasks of a scheduler on paper.

    Attributes
    ----------
    now : float
        Seconds since the beginning; at the end, how long it has taken.
    bound : float
        Seconds that no schedule stays below.
    decided : float
        Real seconds in the scheduler.
    """

    def __init__(self, n_tasks: int, n_workers: int, world: World, seed: int = 0) -> None:
        from research.events import Ready, Task
        from research.scheduling.scheduler import Scheduler

        self._random = random.Random(seed)
        self._world = world
        self._lengths = [
            world.seconds * self._random.lognormvariate(0, world.spread) if world.spread else world.seconds
            for _ in range(n_tasks)
        ]
        n_slow = int(world.slow * n_workers)
        self._nodes = [Node(5.0 if number < n_slow else 1.0) for number in range(n_workers)]
        speed = n_workers - n_slow + n_slow / 5
        self.bound = max(max(self._lengths), sum(self._lengths) / speed)
        self._scheduler = Scheduler((Task(number, ()) for number in range(n_tasks)), n_workers)
        self._order = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._heard: list[Event] = []
        self.now = self.decided = 0.0
        self.n_done = self.n_lost = 0
        for worker in range(n_workers):
            self._tell([Ready(worker, worker)])

    def run(self) -> None:
        """Let time pass until everything is done."""
        while not self._scheduler.is_finished:
            self.now = max(self.now, self._agenda[0][0])
            while self._agenda and self._agenda[0][0] <= self.now + LATENCY:
                heapq.heappop(self._agenda)[2]()
            heard, self._heard = self._heard, []
            begun = time.perf_counter()
            for event in heard:
                self._scheduler.handle(event)
            commands = self._scheduler.commands()
            self.n_done += len(self._scheduler.take_done())
            self.n_lost += len(self._scheduler.take_lost())
            self._scheduler.take_interrupted()
            self.decided += time.perf_counter() - begun
            for worker, command in commands:
                self._at(LATENCY, lambda worker=worker, command=command: self._obey(worker, command))

    def _at(self, delay: float, what: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._agenda, (self.now + delay, self._order, what))

    def _tell(self, events: list[Event]) -> None:
        self._at(LATENCY, lambda: self._heard.extend(events))

    def _obey(self, worker: int, command: Command) -> None:
        from research.events import Revoked, Run

        node = self._nodes[worker]
        if isinstance(command, Run):
            last = command.tasks[-1]
            node.queue.extend((task, task is last) for task in command.tasks)
            if node.at is None:
                self._begin(worker)
        else:
            count = min(command.n_tasks, len(node.queue))  # type: ignore[union-attr]
            self._flush(worker)
            self._tell([Revoked(worker, tuple(node.queue.pop()[0] for _ in range(count)))])

    def _begin(self, worker: int) -> None:
        node = self._nodes[worker]
        if not node.queue:
            node.at = None
            return
        task, is_last = node.queue.popleft()
        node.at = task.number
        seconds = self._lengths[task.number] * node.slowness
        self._at(seconds, lambda: self._end(worker, task, is_last, seconds))

    def _end(self, worker: int, task: Task, is_last: bool, seconds: float) -> None:
        from research.events import Died, Ready, TaskDone

        node = self._nodes[worker]
        if self._random.random() < self._world.deaths:
            self._flush(worker)
            node.queue.clear()
            node.at = None
            self._tell([Died(worker, "on paper", task.number)])
            self._at(RESTART, lambda: self._tell([Ready(worker, worker)]))
            return
        node.done.append(TaskDone(worker, task.number, seconds))
        if is_last or not node.queue or self.now - node.flushed >= FLUSH:
            self._flush(worker)
        self._begin(worker)

    def _flush(self, worker: int) -> None:
        node = self._nodes[worker]
        if node.done:
            self._tell(node.done)
            node.done, node.flushed = [], self.now


def _run(count: int, world: World) -> Cluster:
    cluster = Cluster(count, min(WORKERS, max(2, count // 100)), world)
    cluster.run()
    check(cluster.n_done + cluster.n_lost == count, f"{cluster.n_done} done, {cluster.n_lost} lost")
    return cluster


def decisions(count: int, world: World) -> float:
    """Return the real seconds in the scheduler."""
    return _run(count, world).decided


def over_bound(count: int, world: World) -> float:
    """Return how long it takes, as a multiple of what no schedule stays below."""
    cluster = _run(count, world)
    return cluster.now / cluster.bound


def memory(count: int, world: World) -> float:
    """Return the most bytes that are held beside the lengths of tasks, workers on paper included."""
    cluster = Cluster(count, min(WORKERS, max(2, count // 100)), world)
    tracemalloc.start()
    cluster.run()
    return float(tracemalloc.get_traced_memory()[1])


def _contenders(what: Callable[[int, World], float], n_worlds: int) -> Iterator[Contender]:
    for title, world in list(WORLDS.items())[:n_worlds]:

        def run(count: int, world: World = world) -> float:
            return what(count, world)

        run.__name__ = f"{what.__name__}_{title}"
        yield Contender(title, run, most_rounds=1)


def _case(title: str, what: Callable[[int, World], float], n_worlds: int, **how: Any) -> Case:
    return Case(title, "task", (1_000_000, 100_000, 1000), tuple(_contenders(what, n_worlds)), **how)


CASES = (
    _case("1,000 workers: time to decide", decisions, 2),
    _case("1,000 workers: how long it takes, over what it must take", over_bound, 3, measure="ratio"),
    _case("1,000 workers: memory", memory, 1, measure="bytes"),
)

if __name__ == "__main__":
    main(CASES)
