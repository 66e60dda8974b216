"""What a store is."""

# (annotations are no strings here: `NamedTuple` compiles each of those, and there are a hundred)
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from research.events import Ended, Member, Profiled, Running, Values, folder_name, show_id


class Study(NamedTuple):
    """What is known of a study as a whole."""

    name: str
    created: float  # seconds since the epoch
    seed: int
    version: str
    domain: str
    settings: dict[str, Any]  # JSON
    finished: float | None = None  # seconds since the epoch
    outcome: str | None = None  # `DONE`, `STOPPED` or `BROKEN`; None while it runs, or if it was killed
    error: str | None = None  # that broke it off


BROKEN = "broken"


class Registered(NamedTuple):
    """An experiment that is about to be handed out."""

    member: Member
    config: str  # canonical form
    aliases: str | None  # JSON
    group: int = 0  # number of its task
    slot: int = 0  # its branch there
    key: int | None = None  # its number in the store; None: the next one
    attempt: int = 1
    before: str | None = None  # its status, if it had ended in a way that need not be repeated
    code: str | None = None  # which code it is made with; None: unknown
    is_stored: bool = False  # it begins anew: what it has saved so far does not count


class Restarted(NamedTuple):
    """An experiment begins anew; what it has saved so far does not count."""

    experiment: str
    attempt: int | None = None  # which this is, counted from 1; None: the same, as nobody has seen it fail
    slot: int | None = None  # its branch from now on; None: the same


class Closed(NamedTuple):
    """The study has ended; what comes later belongs to another run."""

    finished: float  # seconds since the epoch
    outcome: str  # `DONE`, `STOPPED` or `BROKEN`
    error: str | None


class Replaced(NamedTuple):
    """The domain has been replaced."""

    first: int  # how many configs had been generated before
    numbers: dict[str, int]  # how the new one is walked


class Output(NamedTuple):
    """What an experiment printed, after what it had printed before."""

    experiment: str
    stream: int  # research.events.STDOUT or STDERR
    data: bytes


class Begun(NamedTuple):
    """A run of the study has begun: who has started it, and how."""

    started: float  # seconds since the epoch
    user: str | None
    host: str | None
    directory: str | None
    command: str | None  # the line by which the process was started
    git_commit: str | None  # of the script's folder; `-dirty` if files are others
    script: str | None  # its path; None where there is none, as in a notebook
    text: str | None  # of the script
    note: str | None
    version: str | None  # of this library

    def hiding(self, hide: Callable[[str], str]) -> Self:
        """Return it with its texts as a function shows them."""
        shown: dict[str, Any] = {
            name: hide(text) for name, text in self._asdict().items() if isinstance(text, str)
        }
        return self._replace(**shown)


Record: TypeAlias = (
    Begun | Registered | Restarted | Replaced | Running | Values | Profiled | Output | Ended | Closed
)


class ExperimentRow(NamedTuple):
    """An experiment as it is stored."""

    key: int
    id: str
    prefix: str | None
    number: int
    group: int
    slot: int
    generation: int
    repetition: int
    pass_: int
    config: str
    aliases: str | None
    status: str
    attempt: int
    worker: int | None
    started: float | None
    finished: float | None
    iterations: int | None
    error: str | None
    failures: str | None  # JSON
    code: str | None = None  # which code it was made with; None: unknown

    @property
    def shown_id(self) -> str:
        """The id as users see it."""
        return show_id(self.id, self.prefix)

    @property
    def folder_name(self) -> str:
        """The name of the experiment's folder."""
        return folder_name(self.id, self.prefix)


class LatestRow(NamedTuple):
    """The last value of a variable of an experiment."""

    key: int
    variable: str
    iteration: int
    type: str
    number: float | None
    text: str | None


class LastValues(NamedTuple):
    """The last values of a variable, as columns: as there may be a million, they are no rows."""

    variable: str
    keys: Sequence[int]
    types: Sequence[str]
    numbers: Sequence[float | None]
    texts: Sequence[str | None]


class HistoryRow(NamedTuple):
    """A block of values of a variable of an experiment."""

    key: int
    variable: str
    block: int
    first: int
    step: int
    length: int
    iterations: bytes | None
    kind: str
    data: bytes


class ObjectRow(NamedTuple):
    """A value that is no scalar; `load` reads and rebuilds it."""

    key: int
    variable: str
    iteration: int
    format: str
    size: int
    load: Callable[[], Any]


class ProfileRow(NamedTuple):
    """A block of what was measured of a unit of an experiment."""

    key: int
    kind: str
    place: int
    block: int
    unit: str
    first: int
    step: int
    length: int
    iterations: bytes | None
    data: bytes


class OutputRow(NamedTuple):
    """A part of what an experiment printed."""

    key: int
    stream: int
    data: bytes


class Finishes(NamedTuple):
    """Which experiments need not be run again."""

    statuses: tuple[str, ...]
    but: frozenset[str | None] = frozenset()  # codes: what was made with one of them is run again


class Finished(NamedTuple):
    """Experiments that need not be run again, together."""

    ids: list[str]
    counts: dict[str, int]  # by status
    failed: list[ExperimentRow]  # those in which something failed
    next_key: int  # of all experiments
    n_groups: int  # how many numbers of groups have been given, to all experiments
    last: dict[int, int]  # by generation: the number of the last config of all that was handed out


class Snapshot(NamedTuple):
    """What a store held at one moment."""

    experiments: Sequence[ExperimentRow]
    latest: Sequence[LatestRow] = ()
    history: Sequence[HistoryRow] = ()
    objects: Sequence[ObjectRow] = ()
    profiles: Sequence[ProfileRow] = ()
    outputs: Sequence[OutputRow] = ()
    finished: Finished | None = None
    runs: Sequence[Begun] = ()
    columns: Mapping[str, Sequence[Any]] = MappingProxyType({})
    last: Sequence[LastValues] = ()


class Store(Protocol):
    """Keeps a study. One process and one thread writes; any number may read meanwhile.

    `begin` comes first, once, and only from the writer. Then `write` as often as needed: what it was given
    is durable when it returns. Both raise `StudyError` where nothing can be written. `read` may come at any
    time, from any thread, and sees whole writes only.
    Nothing comes after `close`.
    """

    def begin(self, study: Study, resume: bool = False) -> None:
        """Make room for a new study, or go on with the one that is there, as it is named and seeded."""

    def write(self, records: Sequence[Record]) -> None:
        """Take records in their order, all or none."""

    def study(self) -> Study:
        """Return what `begin` was given."""

    def read(
        self,
        select: Callable[[ExperimentRow], bool] | None = None,
        variables: Sequence[str] | None = (),
        profile: str | None = None,
        outputs: bool = False,
        within: range | None = None,
        finished: Finishes | None = None,
        runs: bool = False,
        last: bool = False,
        columns: Sequence[str] = (),
    ) -> Snapshot:
        """Return experiments and values.

        Parameters
        ----------
        select : callable, optional
            Which experiments; default: all.
        variables : sequence of str or None
            Whose values; None: all; by default no values are read.
        profile : 'times' or 'functions', optional
            What is read of the profile; by default nothing.
        outputs : bool, default False
            Also what they printed, in the order in which it was written.
        within : range, optional
            Only experiments whose keys are in it; default: all. Keys are 0, 1, 2, … of all that were handed
            out.
        finished : Finishes, optional
            Which experiments are summed up in `Snapshot.finished` in place of their rows, as there may be a
            million. Default: none.
        runs : bool, default False
            Also what is known of runs, in their order.
        last : bool, default False
            Of variables only their last values, in `Snapshot.last`, and objects that are among them.
        columns : sequence of str, optional
            Columns of experiments that are read into `Snapshot.columns`, in place of their rows. Not together
            with `select`. Default: rows are read.
        """

    def close(self) -> None:
        """Let go of files and connections."""
