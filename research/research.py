"""Research: the face of a study. It wires the parts together and holds no logic of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from research.attaching import Attaching
from research.definition import check_definition
from research.describing import Described
from research.domain import Domain
from research.domain.walking import checked_numbers
from research.errors import StudyError
from research.experiment.builder import Builder
from research.experiment.executor import Executor
from research.experiment.experiment import Experiment
from research.experiment.program import Program
from research.experiment.versions import Version
from research.exporting import Exporting
from research.kept import Kept
from research.monitoring.environment import Meta
from research.monitoring.invocation import this_run
from research.monitoring.monitor import Monitor
from research.planning import Plans, Prospect, tell_plan
from research.storage.base import Store
from research.storage.folder import study_name
from research.storage.servers import read_storage
from research.termination import Interrupts
from research.updating import Update
from research.watching import Detached
from samplers import make_seed

if TYPE_CHECKING:
    from research.conducting import Plan
    from research.storage.places import Place
    from research.storage.taking import Taken


class Research(Attaching, Plans, Described, Detached, Exporting, Kept, Builder):
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
    storage : str, optional
        The URL of a PostgreSQL database, as 'postgresql+psycopg://user@host/database', in which the study is
        kept beside others, under its name. Its folder has no more than the log and files of experiments then.
        Default: all is in the folder.

    Raises
    ------
    ValueError, TypeError
        If an argument makes no sense.
    ImportError
        If `storage` is given, and there is nothing to connect with.

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
        storage: str | None = None,
    ) -> None:
        self.name = study_name(name)
        self.storage = None if storage is None else read_storage(storage)
        self.domain = domain if isinstance(domain, Domain) else Domain({} if domain is None else domain)
        if not isinstance(experiment, Experiment | None):
            raise TypeError(f"`experiment` must be an Experiment, got {experiment!r}")
        self.experiment = Experiment() if experiment is None else experiment
        self.n_configs = n_configs
        self.n_reps = n_reps
        self.repeat_each = repeat_each
        self._updates: list[Update] = []
        self._monitor = Monitor()
        self._memory: Store | None = None
        self._place: Place | None = None  # where it was run
        checked_numbers({"n_configs": n_configs, "n_reps": n_reps, "repeat_each": repeat_each})
        self._all_updates()  # refuses what means nothing to a study

    def _description(self) -> Experiment:
        return self.experiment

    def run(
        self,
        name: str | os.PathLike[str] | None = None,
        workers: int | str | Sequence[Mapping[str, Any]] = 1,
        branches: int | Sequence[Mapping[str, Any]] = 1,
        n_iters: int | None = None,
        devices: Any = None,
        *,
        executor_class: type[Executor] | None = None,
        dump_results: bool = True,
        parallel: bool = True,
        executor_target: str = "threads",
        loglevel: str | None = None,
        bar: Any = True,
        detach: bool = False,
        debug: bool = False,
        finalize: bool = True,
        git_meta: bool = False,
        env_meta: bool = False,
        seed: Any = None,
        profile: bool | int | str = False,
        memory_ratio: float | None = None,
        n_gpu_checks: int = 3,
        gpu_check_delay: float = 5,
        create_id_prefix: bool | int | None = None,
        redirect_stdout: bool | int = True,
        redirect_stderr: bool | int = True,
        isolation: str | None = None,
        start_method: str | None = None,
        threads_per_worker: int | None = None,
        resume: bool | None = None,
        retry_failed: bool = False,
        code_changed: str | None = None,
        seed_libraries: bool = True,
        retries: int | Mapping[str, int] = 0,
        timeout: float | None = None,
        memory_limit: int | str | None = None,
        max_failures: int | None = None,
        dry_run: bool = False,
        note: str | None = None,
        snapshot: bool = False,
        shard: tuple[int, int] | None = None,
        backend: Any = None,
        address: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Self:
        """Run the study and wait for its end.

        Experiments that fail, or whose worker dies, are recorded as such; the others go on.

        Parameters
        ----------
        name : str or path, optional
            Another name for the study.
        workers : int or list of dict, default 1
            How many processes; or more parameters for the experiments of each. With the latter, what an
            experiment gets depends on the worker that takes it. 'auto': as many as there are cores, or as a
            cluster has room for, which is followed as it grows and shrinks.
        branches : int or list of dict, default 1
            How many experiments each worker runs side by side; or more parameters for each of them.
        n_iters : int, optional
            Iterations of each experiment. Default: one if there are only callables, else until a unit is
            exhausted; of a study that was loaded, as in its last run.
        devices : int, str or list of them, optional
            GPUs, distributed over workers and branches as `research.scheduling.devices.get_devices` says. A
            worker sees its own in `CUDA_VISIBLE_DEVICES`; configs hold their places there as `device`.
        executor_class : type, optional
            A subclass of `Executor`.
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
        detach : bool, default False
            Return at once, while a process of its own runs the study; see `is_finished`, `wait`, `terminate`.
        debug : bool, default False
            Raise the first exception where it happens; with `parallel=False`, `executor_target='for'`.
        finalize : bool, default True
            When a unit ends an experiment, still run what is due in that iteration; see `Executor`.
        git_meta, env_meta : bool, default False
            Do what `attach_git_meta` and `attach_env_meta` do.
        seed : optional
            Seed of everything random, see `samplers.make_seed`. None takes fresh entropy and records it.
        profile : 0, 1 or 2, default 0
            Record nothing, the time that each call of a unit takes, or what it calls as well; see `profiler`.
            True is 1, 'detailed' is 2.
        memory_ratio : float, optional
            The part of the memory of each of a worker's devices that must be free before it takes a task. A
            worker that has asked `n_gpu_checks` times in vain leaves its work to the others.
        n_gpu_checks : int, default 3
        gpu_check_delay : float, default 5
            Seconds between them.
        create_id_prefix : bool or int, optional
            Show ids with the numbers of the parameters' values before them, so that they are sorted as the
            domain is: True of one digit, or of so many. Default: as the domain's `set_iter_params` said.
        redirect_stdout, redirect_stderr : bool or int, default True
            Where goes what units print: 0 stays where it is, 1 is one file for the study, 2 is one for each
            experiment, 3 both. True is 3; without a folder it is 2, and with `debug=True` it is 0. See
            `ResearchResults.log`.
        isolation : 'worker' or 'experiment', optional
            Whether a process runs one task after another, or one only. Default: the former, unless there are
            devices, so that their memory is returned.
        start_method : 'fork' or 'spawn', optional
            Default: fork where the platform has it, unless CUDA is initialised in this process.
        threads_per_worker : int, optional
            Threads that numeric libraries may use. Default: cores divided by workers, at least 1.
        resume : bool, optional
            Go on with the study that is in the folder: run what it has not done. Without one, begin. The
            domain may have changed: what is there stays. Default: only if the study was loaded.
        retry_failed : bool, default False
            When a study is gone on with, also run again what failed.
        code_changed : 'keep' or 'rerun', optional
            When a study is gone on with, and the code of its units is not that with which finished
            experiments were made: leave them as they are, or run them again. By default this is an error that
            names the units. Their code is that of their functions, of what these use of the same package, and
            the arguments with which they were added.
        seed_libraries : bool, default True
            Seed the global generators of `random`, `numpy.random` and, where it has been imported, torch for
            each experiment, so that units that draw from them repeat as well. Branches in threads share these
            generators, which are not seeded then; nor can a study that was seeded be gone on with like that,
            unless this is False.
        retries : int or dict, default 0
            How often an experiment is tried again, with the same config and stream: a number for each way to
            go wrong, or `{'failed': …, 'lost': …, 'timeout': …}`. The last attempt counts.
        timeout : float, optional
            Seconds that an experiment may take. Then its process is asked to end (SIGTERM), and killed 5
            seconds later; its status is `timeout`. Branches of a worker end together.
        memory_limit : int or str, optional
            Bytes that a worker may hold with what it starts (resident size), as in '4 GB'. One that holds
            more is killed, and what it was at has failed.
        max_failures : int, optional
            End the study, with an error, when so many experiments have failed, were lost or took too long.
        dry_run : bool, default False
            Check everything, print how many experiments are new, done, failed and so on, and run and write
            nothing; `plan` gives a table of them.
        note : str, optional
            Kept with what is known of this run; see `ResearchResults.runs`.
        snapshot : bool, default False
            Where a study is gone on with, copy it before; see `snapshot`.
        shard : (int, int), optional
            Run part k of n of the domain, `(k, n)`, each n-th experiment. Parts of a study with a `storage`
            may be run at once, on several machines, and are one study; the first begins it, and `resume` is
            True by default.
        backend : 'inline', 'processes', 'dask' or 'ray', optional
            Where workers are, or a `Dask` or `Ray` that says more of it. Default: processes, by `parallel`.
        address : str or object, optional
            Of the cluster; see `Dask` and `Ray`. Default: one on this machine, started and ended here.
        resources : dict, optional
            What each worker of a cluster has to itself, as in `{'GPU': 1, 'CPU': 2, 'memory': '8GB'}`.

        Returns
        -------
        Research
            This object, with `results` and `monitor`.

        Raises
        ------
        StudyExistsError
            If the study exists already, or something else in its folder.
        StudyError
            If workers cannot be started, results cannot be written, another process runs the study,
            `max_failures` is reached, or the code of units has changed and `code_changed` is not given.
        ValueError, TypeError
            If an argument, a unit or the domain makes no sense; nothing has been run or written then.
        ImportError
            If `memory_ratio` is given, and what asks the driver of GPUs is not installed.
        """
        from research.codes import Codes, check_code_changed
        from research.conducting import Plan, conduct  # what runs a study is not needed to define one
        from research.detaching import detach as run_detached
        from research.preparing import Asked, prepare
        from research.resuming import check_resume, check_snapshot, take_study
        from research.settings import read_settings
        from research.sharding import check_shard
        from research.storage.snapshots import take_snapshot

        settings = read_settings(
            workers=workers,
            branches=branches,
            devices=devices,
            executor_class=executor_class,
            dump_results=dump_results,
            parallel=parallel,
            executor_target=executor_target,
            loglevel=loglevel,
            detach=detach,
            debug=debug,
            finalize=finalize,
            profile=profile,
            memory_ratio=memory_ratio,
            n_gpu_checks=n_gpu_checks,
            gpu_check_delay=gpu_check_delay,
            create_id_prefix=create_id_prefix,
            redirect_stdout=redirect_stdout,
            redirect_stderr=redirect_stderr,
            isolation=isolation,
            start_method=start_method,
            threads_per_worker=threads_per_worker,
            seed_libraries=seed_libraries,
            retries=retries,
            timeout=timeout,
            memory_limit=memory_limit,
            max_failures=max_failures,
            backend=backend,
            address=address,
            resources=resources,
        )
        if self._why_no_definition is not None:
            raise StudyError(f"this study cannot be run again: {self._why_no_definition}")
        if not isinstance(bar, bool | type) and not callable(bar):
            raise ValueError(f"`bar` must be a bool or a class like tqdm, got {bar!r}")
        check_definition(self.domain, self.experiment, settings.added, self._pruning)
        program = Program.compile(self.experiment, n_iters)
        name = self.name if name is None else study_name(name)
        new_seed = make_seed(seed)
        meta = self._collect(git_meta, env_meta)
        begun = this_run(note)
        storage = self.storage if dump_results else None
        if storage is not None:
            begun = begun.hiding(storage.hide)
        part = check_shard(shard)
        check_snapshot(snapshot, dump_results)
        check_code_changed(code_changed)
        resume = check_resume(
            resume, retry_failed, dump_results, shard is not None or (self._is_loaded and name == self.name)
        )
        executor = None if executor_class is Executor else executor_class
        if dry_run:
            definition = self._definition(name)
            given = retry_failed, code_changed, seed, dump_results, executor, storage, part
            tell_plan(Prospect(definition, *given), resume, bool(self._all_updates()))
            return self
        with ExitStack() as stack:
            taken, earlier = None, None
            interrupts = Interrupts()
            if not detach:
                stack.enter_context(interrupts)
            if dump_results:
                taken, earlier = take_study(name, storage, part, resume)
                stack.enter_context(taken)
            plan = prepare(
                Plan(
                    self._definition(name),
                    self._all_updates(),
                    program.has_root,
                    settings,
                    program.n_iters,
                    new_seed,
                    bar,
                    meta,
                    Codes.of_new(Version.of(self.experiment, executor)),
                    begun,
                    earlier,
                    retry_failed,
                    part,
                ),
                taken,
                Asked(seed, seed_libraries, code_changed, self._is_loaded and n_iters is None),
            )
            if snapshot and taken is not None and earlier is not None:
                take_snapshot(taken.place)
            if detach and taken is not None:
                child = run_detached(plan, taken)
                self._open(None, taken, plan)
                self._child, self._is_watched = child, True
                return self
            stack.callback(setattr, self, "_is_here", False)
            self._is_here = True
            self._monitor = Monitor()
            conduct(plan, taken, self._monitor, lambda store: self._open(store, taken, plan), interrupts)
        return self

    def _open(self, store: Store | None, taken: Taken | None, plan: Plan) -> None:
        """Take note that the study has begun, and where its results are."""
        self.name = plan.definition.name  # only now: where a run was refused, results are those before
        self._memory, self._place = (store, None) if taken is None else (None, taken.place)
        self._child, self._is_watched, self._is_terminated = None, False, False
        self._waiting, self._env = Meta({}), {} if taken is not None else dict(plan.meta.texts)

    def __repr__(self) -> str:
        return f"Research({self.name!r}, {self.domain!r}, {self.experiment!r})"
