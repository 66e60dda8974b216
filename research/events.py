"""What crosses a process boundary: tasks and commands one way, events the other. Frozen and small."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias


class Member(NamedTuple):
    """One experiment of a task, as numbers: the worker makes the config itself.

    The key says where in the domain it is, so that a worker asks no filter and deals no turns. Where
    parameters are drawn, the texts that their draws depend on come along: a function or an object that has
    crossed to another process need not look there as it did here.
    """

    id: str
    number: int  # place in the order of the study
    key: Any  # of the config in the domain: an int, or nested tuples of them
    pass_: int
    repetition: int
    generation: int
    places: tuple[str, ...] = ()  # what each of the drawn values depends on


class Task(NamedTuple):
    """What a worker gets to run at once: one experiment per branch."""

    number: int
    members: tuple[Member, ...]


class Run(NamedTuple):
    """Command: run these tasks, after those sent before."""

    tasks: tuple[Task, ...]


class Replace(NamedTuple):
    """Command: tasks of this generation are made from this domain; sent to each worker before such tasks."""

    generation: int
    domain: Any  # a Domain; its pickle on the way to another process


class Revoke(NamedTuple):
    """Command: hand back at most so many tasks that have not begun, the last ones first."""

    n_tasks: int


class Stop(NamedTuple):
    """Command: end, when the tasks sent before are done."""


class Ready(NamedTuple):
    """A worker waits for its first task."""

    worker: int
    pid: int


class StartFailed(NamedTuple):
    """A worker could not get ready; no other would."""

    worker: int
    reason: str


class Running(NamedTuple):
    """An experiment has begun, and has completed so many iterations."""

    worker: int
    experiment: str
    started: float  # seconds since the epoch
    iterations: int


class Last(NamedTuple):
    """The last value of a variable in the plain columns of a table."""

    iteration: int
    type: str
    number: float | None
    text: str | None


class Object(NamedTuple):
    """A value that is no scalar."""

    iteration: int
    format: str  # 'npy' or 'pickle'
    data: bytes


class Block(NamedTuple):
    """Values of one variable, in the order in which they were saved.

    `iterations` are (first, step) of a regular sequence, or the bytes of little-endian 64-bit integers.
    `number` counts the blocks of this variable; None: the only value so far, nothing but `last`.
    """

    variable: str
    number: int | None
    iterations: tuple[int, int] | bytes
    length: int
    kind: str
    data: bytes
    last: Last
    objects: tuple[Object, ...]


class Values(NamedTuple):
    """Values that an experiment saved."""

    experiment: str
    blocks: tuple[Block, ...]
    urgent: bool


class Printed(NamedTuple):
    """What was printed while experiments ran; several where it cannot be told whose it was."""

    worker: int
    experiments: tuple[str, ...]  # none: nobody's, as it came between experiments
    stream: int  # STDOUT or STDERR
    data: bytes
    end: int | None  # how far the worker's spool of the stream has been read; None: it is from elsewhere


class Failure(NamedTuple):
    """An exception of a unit."""

    unit: str
    iteration: int
    type: str
    message: str
    traceback: str
    pickled: bytes | None


class Ended(NamedTuple):
    """An experiment is over, one way or another."""

    worker: int | None
    experiment: str
    status: str
    started: float | None  # seconds since the epoch
    finished: float
    iterations: int | None
    failures: tuple[Failure, ...]
    reason: str | None


class TaskDone(NamedTuple):
    """All experiments of a task are over."""

    worker: int
    number: int
    seconds: float


class Revoked(NamedTuple):
    """A worker hands back tasks that it has not begun."""

    worker: int
    tasks: tuple[Task, ...]


class Died(NamedTuple):
    """A worker ended without being told to; the backend starts another under the same number.

    `task` is the number of the task it was working on, if any.
    """

    worker: int
    reason: str
    task: int | None


Command: TypeAlias = Run | Replace | Revoke | Stop
Event: TypeAlias = Ready | StartFailed | Running | Values | Printed | Ended | TaskDone | Revoked | Died

DONE, FAILED, LOST, STOPPED, QUEUED, RUNNING = "done", "failed", "lost", "stopped", "queued", "running"
STDOUT, STDERR = 0, 1
