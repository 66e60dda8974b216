"""Research: the face of a study. It wires the parts together and holds no logic of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from research.attaching import Attaching
from research.backends.base import Backend, Blueprint
from research.backends.inline import InlineBackend
from research.backends.processes import ProcessBackend
from research.definition import check_definition, load_definition, save_definition, save_domain
from research.describing import Described
from research.domain import Domain
from research.domain.ordering import Walk
from research.domain.walking import checked_numbers
from research.driver import Driver
from research.errors import StudyError, StudyNotFoundError
from research.experiment.builder import Builder
from research.experiment.executor import Program
from research.experiment.experiment import Experiment
from research.monitoring.environment import Meta
from research.monitoring.log import LOG, close_log, open_log
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.monitoring.summary import tell_beginning, tell_end
from research.results.results import ResearchResults
from research.settings import RunSettings, read_settings
from research.storage.base import Store, Study
from research.storage.folder import NewFolder, remove_folder, study_name
from research.storage.opening import open_store
from research.tasks import TaskSource
from research.termination import sigterm_as_interrupt
from research.updating import Update
from research.version import __version__
from samplers import make_seed


class Research(Attaching, Described, Builder):
    """A study: one experiment over many configurations.

    Units are added by `add_callable`, `add_generator`, `add_instance`, `save`, `dump`, or by the name of a
    function: `.power(a=EC('a'), save_to='p')`.

    Parameters
    ----------
    name : str or path, default 'research'
        The study's folder, where all of it is kept.
    domain : Domain or dict, optional
        Configurations to run. Without one: a single empty one.
    experiment : Experiment, optional
        What to run; methods that add units extend it.
    n_configs : int, optional
        How many configs to take; more than there are starts again from the beginning. Default: all.
    n_reps : int, optional
        How often each is run. Default: what the domain's `set_iter_params` said, else once.
    repeat_each : int, optional
        How many configs are run before they are repeated; see `Domain.set_iter_params`.

    Examples
    --------
    >>> from research import EC, Research, Domain
    >>> domain = Domain(a=[1, 2]) * Domain(b=[10, 20])
    >>> study = Research('sums', domain)
    >>> study = study.add_callable('sum', lambda a, b: a + b, a=EC('a'), b=EC('b'), save_to='c')
    >>> study.run(dump_results=False, bar=False).results.df['c'].tolist()
    [11, 21, 12, 22]
    """

    def __init__(
        self,
        name: str | os.PathLike[str] = "research",
        domain: Domain | Mapping[str, Any] | None = None,
        experiment: Experiment | None = None,
        n_configs: int | None = None,
        n_reps: int | None = None,
        repeat_each: int | None = None,
    ) -> None:
        self.name = study_name(name)
        self.domain = domain if isinstance(domain, Domain) else Domain({} if domain is None else domain)
        if not isinstance(experiment, Experiment | None):
            raise TypeError(f"`experiment` must be an Experiment, got {experiment!r}")
        self.experiment = Experiment() if experiment is None else experiment
        self.n_configs = n_configs
        self.n_reps = n_reps
        self.repeat_each = repeat_each
        self._updates: list[Update] = []
        self.monitor = Monitor()
        self._memory: Store | None = None
        self._folder: Path | None = None  # where it was run
        self._why_no_definition: str | None = None
        checked_numbers({"n_configs": n_configs, "n_reps": n_reps, "repeat_each": repeat_each})
        self._all_updates()  # refuses what means nothing to a study

    def _description(self) -> Experiment:
        return self.experiment

    def _walk(self, seed: int) -> Walk:
        return self.domain.walk(self.n_configs, self.n_reps, self.repeat_each, seed)

    def run(
        self,
        name: str | os.PathLike[str] | None = None,
        workers: int | Sequence[Mapping[str, Any]] = 1,
        branches: int | Sequence[Mapping[str, Any]] = 1,
        n_iters: int | None = None,
        *,
        dump_results: bool = True,
        parallel: bool = True,
        executor_target: str = "threads",
        loglevel: str | None = None,
        bar: Any = True,
        debug: bool = False,
        finalize: bool = True,
        git_meta: bool = False,
        env_meta: bool = False,
        seed: Any = None,
        start_method: str | None = None,
        threads_per_worker: int | None = None,
    ) -> Self:
        """Run the study and wait for its end.

        Experiments that fail, or whose worker dies, are recorded as such; the others go on.

        Parameters
        ----------
        name : str or path, optional
            Another name for the study.
        workers : int or list of dict, default 1
            How many processes; or more parameters for the experiments of each. With the latter, what an
            experiment gets depends on the worker that takes it.
        branches : int or list of dict, default 1
            How many experiments each worker runs side by side; or more parameters for each of them.
        n_iters : int, optional
            Iterations of each experiment. Default: one if there are only callables, else until a unit is
            exhausted.
        dump_results : bool, default True
            Keep results in the study's folder; else in memory.
        parallel : bool, default True
            Use processes; else do everything in this one.
        executor_target : 'threads' or 'for', default 'threads'
            Whether branches run in threads or one after another.
        loglevel : str, optional
            'debug', 'info' (the default), 'warning', 'error' or 'critical', for `research.log`.
        bar : bool or class, default True
            Show a progress bar; a class with tqdm's interface is used instead of tqdm.
        debug : bool, default False
            Raise the first exception where it happens; with `parallel=False`, `executor_target='for'`.
        finalize : bool, default True
            When a unit ends an experiment, still run what is due in that iteration; see `Executor`.
        git_meta, env_meta : bool, default False
            Do what `attach_git_meta` and `attach_env_meta` do.
        seed : optional
            Seed of everything random, see `samplers.make_seed`. None takes fresh entropy and records it.
        start_method : 'fork' or 'spawn', optional
            Default: fork where the platform has it, unless CUDA is initialised in this process.
        threads_per_worker : int, optional
            Threads that numeric libraries may use. Default: cores divided by workers, at least 1.

        Returns
        -------
        Research
            This object, with `results` and `monitor`.

        Raises
        ------
        StudyExistsError
            If the study's folder exists.
        StudyError
            If workers cannot be started, or results cannot be written.
        ValueError, TypeError
            If an argument, a unit or the domain makes no sense; nothing has been run or written then.
        """
        settings = read_settings(
            workers,
            branches,
            parallel,
            executor_target,
            loglevel,
            debug,
            finalize,
            start_method,
            threads_per_worker,
        )
        if self._why_no_definition is not None:
            raise StudyError(f"this study cannot be run again: {self._why_no_definition}")
        if not isinstance(bar, bool | type) and not callable(bar):
            raise ValueError(f"`bar` must be a bool or a class like tqdm, got {bar!r}")
        check_definition(self.domain, self.experiment, settings.added)
        program = Program.compile(self.experiment, n_iters)
        self.name = self.name if name is None else study_name(name)
        seed = make_seed(seed)
        meta = self._collect(git_meta, env_meta)
        with ExitStack() as stack:
            stack.enter_context(sigterm_as_interrupt())
            if dump_results:
                new: NewFolder | None = stack.enter_context(NewFolder(self.name))
            else:
                new = None
            self._run(settings, program, new, seed, bar, meta, stack)
        return self

    def _run(
        self,
        settings: RunSettings,
        program: Program,
        new: NewFolder | None,
        seed: int,
        bar: Any,
        meta: Meta,
        stack: ExitStack,
    ) -> None:
        if new is None:
            folder = Path(tempfile.mkdtemp(prefix="research-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        else:
            folder = new.path
        walk = self._walk(seed)
        updates = self._all_updates()
        source = TaskSource(self.domain, walk, seed, settings.n_branches, updates)
        workers = settings.workers_for(None if updates else walk.size)
        blueprint = Blueprint(
            self.experiment,
            (self.domain.without_replacements(),),
            seed,
            program.n_iters,
            settings.target,
            settings.branches_configs,
            settings.finalize,
            settings.debug,
            folder,
        )
        backend: Backend
        if settings.is_parallel:
            backend = ProcessBackend(settings.start_method)
        else:
            backend = InlineBackend(lambda events: driver.absorb(events, at_once=True))
        stack.callback(backend.close)
        backend.start(blueprint, workers)  # before anything is opened: workers are forks of this process
        log = open_log(None if new is None else folder / LOG, settings.loglevel)
        stack.callback(close_log, log)
        tell_beginning(log, self.name, seed, walk.size, len(workers), bool(self.experiment.units))
        for remark in settings.remarks:
            log.warning(remark)
        self.monitor = Monitor()
        progress = Progress(bar, self.name, walk.size, program.n_iters)
        stack.callback(progress.close)
        store = open_store(None if new is None else folder, stack)
        self._keep(meta, None if new is None else folder, log)
        store.begin(self._describe(seed, settings, program))
        if new is None:
            self._memory = store
        else:
            self._memory, self._folder = None, new.path
            new.keep()

        def admit(domain: Domain, generation: int, update: Update) -> Walk:
            check_definition(domain, self.experiment, settings.added)
            if new is not None:
                save_domain(folder, generation, domain)
            return domain.walk(**update.numbers, default_seed=seed, generation=generation)

        driver = Driver(source, store, len(workers), self.monitor, progress, log, admit)

        def save() -> None:
            problem = None if new is None else save_definition(folder, self._definition())
            if problem is not None:
                log.warning("the definition was not saved, Research.load will give results only: %s", problem)

        try:
            driver.run(backend, save)
        except StudyError as error:
            log.error("study %r was broken off: %s", self.name, error)
            raise
        finally:
            if not driver.is_broken:
                log.info("study %r ended: %s", self.name, self.monitor.counts)
        progress.close()
        path = None if new is None else Path(self.name) / LOG
        tell_end(log, self.name, self.monitor, source.n_duplicates, path)

    def _describe(self, seed: int, settings: RunSettings, program: Program) -> Study:
        return Study(
            self.name,
            time.time(),
            seed,
            __version__,
            repr(self.domain),
            {
                "parameters": list(self.domain.names),
                "variables": self.experiment.variables,
                "n_configs": self.n_configs,
                "n_reps": self.n_reps,
                "repeat_each": self.repeat_each,
                "n_iters": program.n_iters,
                "workers": len(settings.workers),
                "branches": settings.n_branches,
            },
        )

    def _definition(self) -> dict[str, Any]:
        names = ("name", "domain", "experiment", "n_configs", "n_reps", "repeat_each")
        return {**{name: getattr(self, name) for name in names}, "updates": self._updates}

    @property
    def results(self) -> ResearchResults:
        """Results so far: of a study that runs, has ended, or was loaded.

        Raises
        ------
        StudyNotFoundError
            If the study has not been run, or its folder is gone.
        """
        if self._memory is not None:
            return ResearchResults(self._memory, load_objects=True, env_meta=self._env)
        try:
            return ResearchResults(self._folder or self.name, load_objects=True)
        except StudyNotFoundError:
            why = (
                "it has not been run" if self._folder is None else f"its folder {str(self._folder)!r} is gone"
            )
            raise StudyNotFoundError(f"the study {self.name!r} has no results: {why}") from None

    @classmethod
    def load(cls, name: str | os.PathLike[str]) -> Research:
        """Load a study from its folder, with its definition, which runs code of whoever wrote it.

        `ResearchResults(name)` reads the results of a stranger's study without running any code.

        Parameters
        ----------
        name : str or path
            The study's folder.

        Raises
        ------
        StudyNotFoundError
            If there is no study in it.
        """
        name = study_name(name)
        definition = load_definition(Path(name))
        study = cls(name)
        if definition is None:
            study._why_no_definition = f"its definition was not saved, see {Path(name) / LOG}"
        else:
            updates = definition.pop("updates")
            study = cls(**{**definition, "name": name})
            study._updates = updates
        study._folder = Path(name).absolute()
        rows = ResearchResults(name).store.read().experiments
        study.monitor = Monitor.of_rows(list(rows))
        return study

    @staticmethod
    def remove(name: str | os.PathLike[str], ask: bool = True, force: bool = False) -> bool:
        """Remove a study's folder with everything in it.

        Parameters
        ----------
        name : str or path
        ask : bool, default True
            Ask on the terminal first.
        force : bool, default False
            Remove the folder even if it is no study, or one that is running.

        Returns
        -------
        bool
            Whether it was removed.

        Raises
        ------
        ValueError
            If the folder is no study.
        StudyError
            If a process of this machine runs the study.
        StudyNotFoundError
            If there is no such folder.
        """
        return remove_folder(study_name(name), ask, force)

    def __repr__(self) -> str:
        return f"Research({self.name!r}, {self.domain!r}, {self.experiment!r})"
