"""Anatomy: what the parts of a short experiment cost, and of a large value, each alone.

In a study, several run at once.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.question import Case, Contender, check, main
from benchmarks.short_experiments import research, work

if TYPE_CHECKING:
    from research.events import Event
    from research.storage.base import Record, Registered

BATCH = 300  # events, or experiments, at a time: about what the driver takes up at once


def _source(count: int) -> Any:
    from research import Domain
    from research.tasks import TaskSource

    domain = Domain(a=range(count // 10), b=range(10))
    return TaskSource(domain, domain.walk(default_seed=1), 1)


def _registered(count: int) -> list[Registered]:
    source = _source(count)
    for _ in source:
        pass
    return list(source.take_registered())


def _events(registered: list[Registered]) -> list[Event]:
    """Return what a worker says of experiments."""
    from research.events import DONE, Ended, TaskDone
    from research.storage.encoding import encode_block

    events: list[Event] = []
    for number, item in enumerate(registered):
        id_ = item.member.id
        block = encode_block("product", None, [0], [number])
        events += [Ended(0, id_, DONE, 1.0, 2.0, 1, (), None, (block,)), TaskDone(0, number, 0.001)]
    return events


def naming(count: int) -> float:
    """Make each config, its canonical form, its id, and the task that a worker gets."""
    source = _source(count)
    begun = time.perf_counter()
    n_tasks = sum(1 for _ in source)
    took = time.perf_counter() - begun
    check(n_tasks == count, f"{n_tasks} tasks")
    return took


def crossing(count: int) -> float:
    """Pickle tasks and events and back, as they cross a pipe."""
    from research.backends.packing import pack_command, pack_events
    from research.events import Run, Task

    registered = _registered(count)
    tasks = [Task(number, (item.member,)) for number, item in enumerate(registered)]
    events = _events(registered)
    begun = time.perf_counter()
    for start in range(0, count, BATCH):
        pickle.loads(pack_command(Run(tuple(tasks[start : start + BATCH]))))
        pickle.loads(pack_events(events[2 * start : 2 * (start + BATCH)]))
    return time.perf_counter() - begun


@contextmanager
def _store() -> Iterator[Any]:
    from research.storage.base import Study
    from research.storage.opening import open_store

    Path("study").mkdir()
    with ExitStack() as stack:
        store = open_store(Path("study"), stack, print)
        store.begin(Study("study", 1.0, 1, "1", "", {}))
        yield store


def storing(count: int) -> float:
    """Write the rows of each experiment and of its value to SQLite."""
    from research.events import Ended

    registered = _registered(count)
    told = [event for event in _events(registered) if isinstance(event, Ended)]
    with _store() as store:
        begun = time.perf_counter()
        for start in range(0, count, BATCH):
            records: list[Record] = [*registered[start : start + BATCH]]
            store.write([*records, *told[start : start + BATCH]])
        took = time.perf_counter() - begun
        check(len(store.read().experiments) == count, "not all written")
    return took


def accounting(count: int) -> float:
    """Take note of each experiment: who has it, how it ended, what is shown."""
    from research.events import Ready
    from research.ledger import Ledger
    from research.monitoring.monitor import Monitor
    from research.monitoring.progress import Progress
    from research.scheduling.scheduler import Scheduler
    from research.scheduling.tries import Retries, Tries
    from research.storage.memory import MemoryStore
    from research.storage.outputs import Outputs

    registered = _registered(count)
    events = _events(registered)
    scheduler = Scheduler(iter(()), 1)
    progress = Progress(False, "study", count, None)
    outputs, tries = Outputs(None, (0, 0)), Tries(Retries())
    ledger = Ledger(MemoryStore(), Monitor(), progress, logging.getLogger("bench"), outputs, tries)
    begun = time.perf_counter()
    scheduler.handle(Ready(0, 0))
    for item in registered:
        ledger.register(item)
    ledger._committed = float("inf")  # what is stored has been measured by itself
    for start in range(0, 2 * count, 2 * BATCH):
        ledger.absorb(events[start : start + 2 * BATCH])
        for event in events[start : start + 2 * BATCH]:
            scheduler.handle(event)
        scheduler.take_done()
    took = time.perf_counter() - begun
    check(ledger.is_empty, "not all ended")
    return took


def working(count: int) -> float:
    """Run the tasks, as a worker does: a config, an executor, a unit, what it prints, what is said of it."""
    from research import EC, Domain, Executor, Experiment
    from research.backends.base import Blueprint, WorkerSpec
    from research.backends.capture import Capture
    from research.backends.runner import TaskRunner
    from research.backends.spools import Spools
    from research.events import Task

    described = Experiment().add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
    domain = Domain(a=range(count // 10), b=range(10))
    blueprint = Blueprint(
        described, (domain,), 1, None, Executor, "for", (), True, False, Path("study"), seed_libraries=True
    )
    said: list[Event] = []
    capture = Capture(0, Spools(1, (True, True)).of(0))
    runner = TaskRunner(blueprint, 0, WorkerSpec({}, 1), said.extend, capture=capture)
    tasks = [Task(number, (item.member,)) for number, item in enumerate(_registered(count))]
    capture.start()
    begun = time.perf_counter()
    for number, task in enumerate(tasks):
        runner.run(task)
        if number % BATCH == 0:
            runner.flush()
    runner.flush()
    took = time.perf_counter() - begun
    capture.stop()
    check(len(said) == 2 * count, f"{len(said)} events")
    return took


def _arrays(count: int) -> Iterator[Any]:
    """Return one array, another each time."""
    from benchmarks.large_values import array

    made = array(0)
    for _ in range(count):
        made += 1
        yield made


def _told(data: Any) -> list[Event]:
    """Return what a worker says of a large value."""
    from research.events import Values
    from research.storage.encoding import encode_block

    return [Values("0" * 16, (encode_block("array", None, [0], [data]),), False)]


def keeping(count: int) -> float:
    """Write arrays to files as units save them, and say so."""
    from research.storage.encoding import freeze
    from research.storage.shelf import Shelf

    arrays = _arrays(count)
    begun = time.perf_counter()
    for array in arrays:
        pickle.loads(pickle.dumps(_told(freeze(array, Shelf(Path()), "array", 0)), protocol=5))
    took = time.perf_counter() - begun
    check(len(list(Path("objects").iterdir())) == count, "files")
    return took


def saving(count: int) -> float:
    """Write arrays with numpy."""
    import numpy as np

    arrays = _arrays(count)
    begun = time.perf_counter()
    for number, array in enumerate(arrays):
        np.save(f"{number}.npy", array)
    return time.perf_counter() - begun


def encoding(count: int) -> float:
    """Encode arrays in memory, as where there is no folder."""
    from research.storage.encoding import freeze

    arrays = _arrays(count)
    begun = time.perf_counter()
    for array in arrays:
        freeze(array)
    return time.perf_counter() - begun


def sending(count: int) -> float:
    """Send what was encoded from one thread to another, through a pipe, as where there is no folder."""
    import select
    import socket
    import threading
    from multiprocessing.connection import Connection

    from research.backends.pipes import Channel, Outlet
    from research.storage.encoding import freeze

    (array,) = _arrays(1)
    events = _told(freeze(array))
    ours, theirs = socket.socketpair()
    channel, outlet = Channel(ours.detach()), Outlet(Connection(theirs.detach()))
    begun = time.perf_counter()
    sender = threading.Thread(target=lambda: [outlet(events) for _ in range(count)])
    sender.start()
    n_received = 0
    while n_received < count:
        select.select([channel.descriptor], [], [])
        channel.read()
        for message in channel.messages():
            pickle.loads(message)
            n_received += 1
    sender.join()
    channel.close()
    return time.perf_counter() - begun


def writing(count: int) -> float:
    """Write to files what was encoded in memory."""
    from research.storage.encoding import freeze
    from research.whole import write_whole

    (array,) = _arrays(1)
    data = freeze(array).data
    begun = time.perf_counter()
    for number in range(count):
        write_whole(Path(f"{number}.bin"), data)
    return time.perf_counter() - begun


CASES = (
    Case(
        "a function of two parameters, 2 workers: all of it, then its parts",
        "experiment",
        (10_000, 2_000, 20),
        (
            Contender("all, with imports and the start", research),
            Contender("driver: naming", naming),
            Contender("driver: accounting", accounting),
            Contender("driver: storing", storing),
            Contender("both: crossing the pipe", crossing),
            Contender("worker: running", working),
        ),
    ),
    Case(
        "an array of 10 MB: what a worker does with it, and what is no longer done where there is a folder",
        "array",
        (100, 20, 2),
        (
            Contender("worker: write it, say so", keeping),
            Contender("numpy.save", saving),
            Contender("no longer: encode it", encoding),
            Contender("no longer: cross the pipe", sending),
            Contender("no longer: driver writes it", writing),
        ),
    ),
)

if __name__ == "__main__":
    main(CASES)
