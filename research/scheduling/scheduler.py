"""Which task goes where: a state machine without I/O, clock or randomness.

    events ──> Scheduler.handle ──> state ──> Scheduler.commands ──> (worker, command) …

Each worker is in one of four states:

    state   | enters on                | leaves on
    --------|--------------------------|---------------------------------
    absent  | the start, Died          | Ready
    idle    | Ready, last task's end   | a task sent
    busy    | a task sent              | TaskDone or Revoked of the last, Died, Retired
    retired | Retired                  | never, whatever it or its successor says

Short tasks are sent in batches worth `BATCH_SECONDS`, by the durations that workers report, and a second
batch before the first is done, so that nobody waits for the pipe. Long ones are sent one by one. When no
task is left to be handed out and a worker idles, one that has more than it is working on hands some back.

A task at which a worker died is lost; the others that it had are handed out again. So are all of a worker
that died at none, but not for ever: the first of them is lost when that has happened to it several times.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

from research.events import Command, Died, Event, Ready, Retired, Revoke, Revoked, Run, Task, TaskDone

BATCH_SECONDS = 0.1
LARGEST_BATCH = 1000
MOST_SUSPICIONS = 5


class Scheduler:
    """Hands out tasks to workers.

    Parameters
    ----------
    tasks : iterator of Task or None
        Read only as far as tasks are handed out. None: there is none now, ask again later.
    n_workers : int
        That are there, or will be; more may come.
    largest_batch : int, optional
        Tasks that a worker is sent at once; with 1, none before it has done the last.
    """

    def __init__(
        self, tasks: Iterator[Task | None], n_workers: int, largest_batch: int = LARGEST_BATCH
    ) -> None:
        self._tasks = tasks
        self._largest_batch = largest_batch
        self._returned: deque[Task] = deque()  # handed back, to be handed out again first
        self._is_exhausted = False
        self._present: set[int] = set()
        self._retired: set[int] = set()
        self._sent: list[dict[int, Task]] = [{} for _ in range(n_workers)]
        # of the same, so that nobody has to look at all workers, of which there may be thousands
        self._busy: set[int] = set()  # with at least one
        self._rich: set[int] = set()  # with at least two
        self._wanting: set[int] = set()  # that may have room: all whose tasks have become fewer
        self._revoking: set[int] = set()
        self._seconds: float | None = None  # what a task takes, averaged
        self._done: list[Task] = []
        self._lost: list[Task] = []
        self._interrupted: list[Task] = []
        self._suspicions: Counter[int] = Counter()  # how often workers died that had this task first

    @property
    def is_finished(self) -> bool:
        """Whether every task has been handed out and has ended."""
        return self._is_exhausted and not self._returned and not self._busy

    @property
    def is_deserted(self) -> bool:
        """Whether every worker has retired."""
        return len(self._retired) == len(self._sent)

    @property
    def present(self) -> set[int]:
        """Workers that are there to be told something."""
        return set(self._present)

    @property
    def n_at_work(self) -> int | None:
        """How many workers have tasks; None if another may yet take some that waits to be handed out."""
        is_full = not self._returned or len(self._present | self._retired) == len(self._sent)
        return len(self._busy) if is_full else None

    def handle(self, event: Event) -> None:
        """Take note of what happened."""
        if isinstance(event, TaskDone):
            worker, number, seconds = event
            task = self._sent[worker].pop(number, None)
            if task is not None:
                self._done.append(task)
                self._note_fewer(worker)
            mean = seconds if self._seconds is None else self._seconds
            self._seconds = mean + 0.2 * (seconds - mean)
        elif isinstance(event, Ready):
            while event.worker >= len(self._sent):  # the cluster has grown
                self._sent.append({})
            if event.worker not in self._retired:
                self._present.add(event.worker)
                self._wanting.add(event.worker)
        elif isinstance(event, Revoked):
            self._revoking.discard(event.worker)
            for task in event.tasks:
                if self._sent[event.worker].pop(task.number, None) is not None:
                    self._returned.append(task)
            self._note_fewer(event.worker)
        elif isinstance(event, Died):
            self._bury(event)
        elif isinstance(event, Retired):
            self._retire(event.worker)

    def commands(self) -> Sequence[tuple[int, Command]]:
        """Return what to tell workers now; each command is returned once."""
        commands: list[tuple[int, Command]] = []
        batch = self._batch_size()
        for worker in sorted(self._wanting & self._present, key=lambda worker: len(self._sent[worker])):
            sent = self._sent[worker]
            if len(sent) <= batch // 2:
                tasks = tuple(self._next_tasks(batch))
                if not tasks:
                    break  # nor are there any for others
                sent.update((task.number, task) for task in tasks)
                self._busy.add(worker)
                if len(sent) > 1:
                    self._rich.add(worker)
                commands.append((worker, Run(tasks)))
            if len(sent) > batch // 2:
                self._wanting.discard(worker)  # until it has done some
        commands.extend(self._revocations())
        return commands

    def repeat(self, task: Task) -> None:
        """Hand out a task again that was done or lost."""
        self._returned.append(task)

    def take_done(self) -> Sequence[Task]:
        """Return tasks that are done, each once."""
        done, self._done = self._done, []
        return done

    def take_lost(self) -> Sequence[Task]:
        """Return tasks that were being worked on when their worker died, each once."""
        lost, self._lost = self._lost, []
        return lost

    def take_interrupted(self) -> Sequence[Task]:
        """Return tasks that are to be handed out again because their worker died, each once."""
        interrupted, self._interrupted = self._interrupted, []
        return interrupted

    def _batch_size(self) -> int:
        if self._seconds is None:
            return 1
        return max(1, min(self._largest_batch, int(BATCH_SECONDS / max(self._seconds, 1e-9))))

    def _next_tasks(self, count: int) -> Iterator[Task]:
        for _ in range(count):
            if self._returned:
                yield self._returned.popleft()
                continue
            if self._is_exhausted:
                return
            try:
                task = next(self._tasks)
            except StopIteration:
                self._is_exhausted = True
                return
            if task is None:
                return
            yield task

    def _revocations(self) -> Iterator[tuple[int, Command]]:
        """Ask the fullest worker to share when another has nothing to do."""
        if not self._is_exhausted or self._returned or len(self._busy) == len(self._present):
            return
        asked = self._rich - self._revoking
        if asked:
            worker = max(asked, key=lambda worker: len(self._sent[worker]))
            self._revoking.add(worker)
            yield worker, Revoke(len(self._sent[worker]) // 2)

    def _note_fewer(self, worker: int) -> None:
        """Take note that a worker has fewer tasks than before."""
        held = len(self._sent[worker])
        if held < 2:
            self._rich.discard(worker)
        if not held:
            self._busy.discard(worker)
        self._wanting.add(worker)

    def _retire(self, worker: int) -> None:
        """Take back what a worker will not do: all that it has, as it is at no task."""
        self._retired.add(worker)
        self._present.discard(worker)
        self._revoking.discard(worker)
        self._returned.extend(self._sent[worker].values())
        self._sent[worker] = {}
        self._note_fewer(worker)

    def _bury(self, event: Died) -> None:
        self._present.discard(event.worker)
        self._revoking.discard(event.worker)
        sent, self._sent[event.worker] = self._sent[event.worker], {}
        self._note_fewer(event.worker)
        culprit = event.task
        if (
            culprit not in sent and sent
        ):  # it died between two tasks: perhaps of what the first had left behind
            first = next(iter(sent))
            self._suspicions[first] += 1
            culprit = first if self._suspicions[first] == MOST_SUSPICIONS else None
        for number, task in sent.items():
            if number == culprit:
                self._lost.append(task)
            else:
                self._returned.append(task)
                self._interrupted.append(task)
