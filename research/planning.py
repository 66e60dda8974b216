"""What a run would do, looked at without running anything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from research.domain import Config, Domain
from research.domain.identity import experiment_id
from research.domain.ordering import Place
from research.errors import StudyError
from research.events import DONE
from research.experiment.experiment import Experiment
from research.experiment.versions import Version
from research.storage import places
from research.storage.base import ExperimentRow, Study
from research.storage.folder import study_name
from research.storage.past import finished_statuses
from research.storage.presence import WHOLE, Shard
from research.storage.servers import Storage
from research.updating import Update
from samplers import Sampler, make_seed
from samplers.values import checked_int

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay

    from research.conducting import Definition
    from research.pruning.watch import Pruning

NEW = "new"
OLDER_CODE = "older code"
DUPLICATE = "duplicate"
MOST_PLANNED = 1_000_000  # experiments that are looked at one by one


class Planned(NamedTuple):
    """An experiment of a study that is yet to be run, or has been."""

    config: Config
    id: str | None  # None: drawn values are part of it, and their seed is not known yet
    repetition: int
    status: str
    runs: bool


class Prospect:
    """What there is to be run, beside what is stored of a study.

    Parameters
    ----------
    definition : Definition
    retry_failed : bool, default False
    code_changed : 'keep', 'rerun' or None, default None
    seed : optional
        See `samplers.make_seed`. Default: that of the study, if it has been run.
    is_kept : bool, default True
        Whether it has a folder; else nothing is stored of it.
    executor : type, optional
        A class of the user's own.
    storage : Storage, optional
        Where it is kept, if not in its folder.
    shard : Shard, optional
        What is to be run of it. Default: all.
    """

    def __init__(
        self,
        definition: Definition,
        retry_failed: bool = False,
        code_changed: str | None = None,
        seed: Any = None,
        is_kept: bool = True,
        executor: type | None = None,
        storage: Storage | None = None,
        shard: Shard = WHOLE,
    ) -> None:
        from research.codes import check_code_changed, codes_to_rerun, older_codes
        from research.resuming import check_seed  # what runs a study is not needed to define one

        check_code_changed(code_changed)
        self.definition = definition
        self._finished = finished_statuses(retry_failed)
        self._shard = shard
        self._rows: Mapping[str, ExperimentRow] = {}
        self._older: frozenset[str] = frozenset()
        self._again: frozenset[str] = frozenset()
        self._place = places.place_of(definition.name, storage)
        self.is_begun = is_kept and self._place.exists()
        self.is_seeded = seed is not None or self.is_begun or _draws_the_same(definition.domain)
        if self.is_begun:
            study, self._rows = _stored(self._place)
            version = Version.of(definition.experiment, executor)
            self._older = older_codes(version, study)
            self._again = codes_to_rerun(version, study) if code_changed == "rerun" else frozenset()
            self._seed = check_seed(seed, study)
        else:
            self._seed = 0 if seed is None else make_seed(seed)
        if definition.domain.is_volatile and not self.is_seeded:
            raise ValueError(
                "`seed` must be given: filters read drawn values, so that it decides which configs there are"
            )
        self._walk = definition.walk(self._seed)
        self._stream = definition.domain.stream(self._seed)

    @property
    def size(self) -> int | None:
        """How many experiments there are, repetitions included; None: endlessly many."""
        return self._walk.size

    @property
    def n_stored(self) -> int:
        """How many experiments are stored, of whatever domain."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Planned]:
        """Walk the experiments, with their configs."""
        domain = self.definition.domain
        drawn = domain.drawn
        for place, identity, status, runs in self._named():
            key = domain.locate(place.position, self._stream)
            point = domain.point(key, self._stream, place.pass_)
            if identity is None:
                shown = {name: None if name in drawn else value for name, value in point.values.items()}
                yield Planned(Config.of_items(shown), None, place.repetition, status, runs)
            else:
                yield Planned(point.config, identity, place.repetition, status, runs)

    def _named(self) -> Iterator[tuple[Place, str | None, str, bool]]:
        """Walk the experiments: their places, ids, statuses, and whether they would be run."""
        domain = self.definition.domain
        seen: set[str] = set()
        n_named = 0  # without duplicates
        for place in self._walk.places():
            key = domain.locate(place.position, self._stream)
            canonical = domain.canonical(key)
            if canonical is None:
                point = domain.point(key, self._stream, place.pass_)
                if point.places and not self.is_seeded:
                    yield place, None, NEW, self._shard.has(n_named)
                    n_named += 1
                    continue
                canonical = point.config.canonical
            identity = experiment_id(canonical, place.repetition, 0, place.pass_)
            status, runs = (DUPLICATE, False) if identity in seen else self._status(identity)
            yield place, identity, status, runs and self._shard.has(n_named)
            n_named += identity not in seen
            seen.add(identity)

    def _status(self, identity: str) -> tuple[str, bool]:
        row = self._rows.get(identity)
        if row is None:
            return NEW, True
        status = OLDER_CODE if row.status == DONE and row.code in self._older else row.status
        return status, row.status not in self._finished or row.code in self._again

    def to_df(self, n: int | None = None) -> pd.DataFrame:
        """Return what `Plans.plan` does."""
        if n is not None:
            n = checked_int("n", n, 0)
        elif self.size is None or self.size > MOST_PLANNED:
            size = "an endless number of" if self.size is None else str(self.size)
            raise ValueError(f"{size} experiments make no table: say how many, `plan(n=1000)`")
        return _frame(list(islice(self, n)))

    def __str__(self) -> str:
        """Say how many experiments there are of each status."""
        if self.size is None or self.size > MOST_PLANNED:
            size = "endlessly many" if self.size is None else f"{self.size}"
            return f"{size} experiments, not looked at one by one; {self.n_stored} are stored"
        statuses, n_running = Counter[str](), 0
        for _, _, status, runs in self._named():
            statuses[status] += 1
            n_running += runs
        counts = ", ".join(f"{number} {status}" for status, number in statuses.items())
        return f"{self.size} experiments{': ' if counts else ''}{counts}; {n_running} would be run"


class Plans:
    """`plan` of a study."""

    name: str
    domain: Domain
    experiment: Experiment
    n_configs: int | None
    n_reps: int | None
    repeat_each: int | None
    _updates: list[Update]
    _pruning: Pruning | None
    _why_no_definition: str | None
    storage: Storage | None

    def _definition(self, name: str) -> Definition:
        from research.conducting import Definition

        return Definition(
            name,
            self.domain,
            self.experiment,
            self.n_configs,
            self.n_reps,
            self.repeat_each,
            list(self._updates),
            self._pruning,
        )

    def plan(
        self,
        name: str | os.PathLike[str] | None = None,
        n: int | None = None,
        *,
        retry_failed: bool = False,
        code_changed: str | None = None,
        seed: Any = None,
    ) -> pd.DataFrame:
        """Return what there is to be run, and what has been. Nothing is run or written.

        Parameters
        ----------
        name : str or path, optional
            Another name for the study, as in `run`. What is in its folder is compared with.
        n : int, optional
            How many experiments to look at. Default: all, of at most a million.
        retry_failed, code_changed, seed
            As they would be given to `run`.

        Returns
        -------
        pandas.DataFrame
            A row for each experiment, in the order in which they would be run: `id`, parameters, `repetition`
            if there are any, `status`, and `runs`, whether `run(resume=True)` would run it. A status is
            `new`, one of those that `statuses_to_df` gives, `older code` of what was done with code that has
            changed since, or `duplicate` of a config that came before. Where values are drawn, and neither
            a seed is given nor the study has been run, they are missing, and so are ids.

            Functions that replace the domain are not asked; nor are devices, branches and root units, for
            whose sake an experiment may be run once more with its group.

        Raises
        ------
        StudyError
            If the study was loaded without its definition.
        ValueError
            If there are more than a million experiments, and `n` is not given; if `seed` is not that of
            the study, or must be known.

        Examples
        --------
        >>> from research import EC, Domain, Research
        >>> study = Research('sums', Domain(a=[1, 2])).add_callable('f', abs, args=[EC('a')], save_to='b')
        >>> study.plan()[['a', 'status', 'runs']]
           a status  runs
        0  1    new  True
        1  2    new  True
        """
        if self._why_no_definition is not None:
            raise StudyError(f"this study cannot be run again: {self._why_no_definition}")
        definition = self._definition(self.name if name is None else study_name(name))
        return Prospect(definition, retry_failed, code_changed, seed, storage=self.storage).to_df(n)


def tell_plan(prospect: Prospect, resume: bool, has_updates: bool) -> None:
    """Print what a run would do."""
    name = prospect.definition.name
    updates = ", before the domain is replaced" if has_updates else ""
    print(f"{name}: {prospect}{updates}; this is a dry run, nothing has been run")
    if not resume and prospect.is_begun:
        print(f"{name}: there is a study of this name already: resume=True goes on with it")
    elif not prospect.is_begun and Path(name).exists() and any(Path(name).iterdir()):
        print(f"{name}: there is something else in this folder: give another `name`")


def _stored(place: places.Place) -> tuple[Study, dict[str, ExperimentRow]]:
    from research.storage.damage import readable

    store = place.store()
    with readable(place):
        return store.study(), {row.id: row for row in store.read(variables=()).experiments}


def _draws_the_same(domain: Domain) -> bool:
    """Whether draws, if there are any, do not depend on the seed of a study."""
    samplers = [values for _, values in domain.columns() if isinstance(values, Sampler)]
    return domain.seed is not None or all(sampler.seed is not None for sampler in samplers)


def _frame(items: Iterable[Planned]) -> pd.DataFrame:
    import pandas as pd

    from research.domain.describing import configs_frame
    from research.framing import as_text
    from research.results.frames import free_name

    items = list(items)
    parameters = configs_frame(item.config for item in items)
    columns: dict[str, Any] = {"id": [item.id for item in items]}
    head = as_text(pd.DataFrame(columns, index=parameters.index, dtype=object))
    tail: dict[str, Any] = {"status": [item.status for item in items], "runs": [item.runs for item in items]}
    if any(item.repetition for item in items):
        tail = {"repetition": [item.repetition for item in items], **tail}
    names = [free_name(name, parameters.columns) for name in tail]
    rest = as_text(pd.DataFrame(dict(zip(names, tail.values(), strict=True)), index=parameters.index))
    return pd.concat([head, parameters, rest], axis=1)
