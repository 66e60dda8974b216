"""What crosses a process boundary: tasks and commands one way, events the other. Frozen and small."""

# (annotations are no strings here: `NamedTuple` compiles each of those, and there are a hundred)
from typing import Any, NamedTuple, TypeAlias

LONGEST_NAME = 255  # characters of a file's name, on the usual file systems
new: Any = tuple.__new__  # new(Task, (1, ())) is Task(1, ()) without a call of Python: there are thousands


def show_id(id_: str, prefix: str | None) -> str:
    """Return an experiment's id as users see it: the 16 digits, after numbers that sort it, if any."""
    return id_ if prefix is None else f"{prefix}_{id_}"


def folder_name(id_: str, prefix: str | None) -> str:
    """Return the name of an experiment's folder: its id as it is shown, where that is no longer than a name
    of a file may be.
    """
    shown = show_id(id_, prefix)
    return shown if len(shown) <= LONGEST_NAME else id_


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
    prefix: str | None = None  # shown before the id

    @property
    def shown_id(self) -> str:
        """The id as users see it."""
        return show_id(self.id, self.prefix)

    @property
    def folder_name(self) -> str:
        """The name of the experiment's folder."""
        return folder_name(self.id, self.prefix)


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


class Verdict(NamedTuple):
    """Command: let an experiment that has asked go on, or end."""

    experiment: str
    reason: str | None  # why it ends; None: it goes on


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
    size: int  # bytes
    data: bytes | None  # None: they are in a file
    path: str | None  # of that, in the study's folder


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


class ProfileBlock(NamedTuple):
    """What was measured of one unit of an experiment.

    `kind` is `TIMES`, of calls one after another, or `FUNCTIONS`, of what they called. `iterations` are as in
    a `Block`.
    """

    kind: str
    place: int  # of the unit in the experiment; iterations as a whole come last
    unit: str  # empty for iterations
    number: int  # counts the blocks of this unit and kind
    iterations: tuple[int, int] | bytes
    length: int
    data: bytes


class Profiled(NamedTuple):
    """What was measured of an experiment that is profiled."""

    experiment: str
    blocks: tuple[ProfileBlock, ...]


class Printed(NamedTuple):
    """What was printed while experiments ran; several where it cannot be told whose it was."""

    worker: int
    experiments: tuple[str, ...]  # none: nobody's, as it came between experiments
    stream: int  # STDOUT or STDERR
    data: bytes
    end: int | None  # how far the worker's spool of the stream has been read; None: it is from elsewhere


class Asks(NamedTuple):
    """An experiment has come to a rung, and waits for a `Verdict`."""

    worker: int
    experiment: str
    group: str  # of experiments that are compared with each other
    rung: int  # iterations
    progress: tuple[float, float, int]  # a `research.pruning.rules.Progress`


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
    blocks: tuple[Block, ...] = ()  # what it has saved since it last told something


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

    `task` is the number of the task it was working on, if any, and `status` what its experiments get: `LOST`,
    or what they were ended for.
    """

    worker: int
    reason: str
    task: int | None
    status: str = "lost"


class Memory(NamedTuple):
    """What a device has."""

    device: str
    free: int  # bytes
    total: int


class Waiting(NamedTuple):
    """A worker has a task and does not begin it yet: devices have too little free memory."""

    worker: int
    short: tuple[Memory, ...]
    ratio: float  # of the memory of each that was to be free
    n_checks: int  # for the sake of this task so far


class Retired(NamedTuple):
    """A worker has waited for memory in vain: it does none of its tasks, nor any sent later."""

    worker: int
    short: tuple[Memory, ...]
    ratio: float
    n_checks: int


class CheckFailed(NamedTuple):
    """The memory of a device could not be asked; nobody could."""

    worker: int
    reason: str


class Remark(NamedTuple):
    """What a backend wants to be in the log, and a user to see if it is a warning."""

    text: str
    is_warning: bool = False


Command: TypeAlias = Run | Replace | Revoke | Verdict | Stop
Event: TypeAlias = (
    Ready
    | StartFailed
    | Running
    | Values
    | Profiled
    | Printed
    | Asks
    | Ended
    | TaskDone
    | Revoked
    | Died
    | Waiting
    | Retired
    | CheckFailed
    | Remark
)

DONE, FAILED, LOST, TIMEOUT = "done", "failed", "lost", "timeout"  # how an experiment has ended
PRUNED = "pruned"  # as it was hopeless
STOPPED, QUEUED, RUNNING = "stopped", "queued", "running"  # or not
STATUSES = (QUEUED, RUNNING, DONE, PRUNED, FAILED, TIMEOUT, LOST, STOPPED)
TIMES, FUNCTIONS = "times", "functions"
STDOUT, STDERR = 0, 1
