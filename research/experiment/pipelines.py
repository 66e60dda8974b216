"""Pipelines as units: anything with the interface of batchflow's Pipeline, which is never imported here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any, Protocol

from research.experiment.compiling import Evaluator, Known, check_names, named_units
from research.experiment.expressions import EC
from research.experiment.schedule import When
from research.experiment.targets import Instance, Invoke, Method, Target
from research.experiment.units import Step, Unit

NEXT, RUN, FOR = "next_batch", "run", "execute_for"
RESET = ("iter", "vars")
_SETTINGS = Target(dict, (EC(),))


@dataclass(frozen=True, slots=True)
class PipelineUnit(Unit):
    """A pipeline of which each experiment has its own copy, made at the unit's first call.

    Parameters
    ----------
    source : pipeline or Method
        What is copied, or the attribute of an instance where it is.
    settings : Target
        Returns the pipeline's config.
    work : str
        What a call does: 'next_batch', 'run', or 'execute_for' a batch.
    saved : tuple of str
        Variables of the pipeline to save after each call.
    batches : str or None
        With 'execute_for': the unit whose output is the batch.
    """

    source: Any = None
    settings: Target = _SETTINGS
    work: str = NEXT
    saved: tuple[str, ...] = ()
    batches: str | None = None

    def compile(self, invoke: Invoke | None = None) -> Step:
        return Unit.compile(self, invoke)._replace(is_pipeline=True)

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        name, saved = self.name, self.saved
        make, work = self._maker(), self._worker()
        if invoke is not None:
            alone = work
            work = lambda run, unit: invoke(run, alone, (run, unit), {})  # noqa: E731

        def call(run: Any) -> None:
            unit = run.units[name]
            if unit.pipeline is None:
                unit.pipeline = make(run)
            unit.output = work(run, unit)
            for variable in saved:
                run.save(variable, read_variable(unit.pipeline, variable, name))

        return call

    def _maker(self) -> Evaluator:
        name, source, work, saved = self.name, self.source, self.work, self.saved
        read_settings = self.settings.compile(name)

        def make(run: Any) -> Any:
            settings = read_settings(run)()
            pipeline = source
            if isinstance(source, Method):
                pipeline = run.find(source.instance)
                for part in source.attribute.split("."):
                    pipeline = getattr(pipeline, part)
                check_pipeline(pipeline, f"{source.instance}.{source.attribute}", work, saved)
            pipeline = fresh_copy(pipeline)
            pipeline.set_config(settings)
            pipeline.reset(*RESET)  # after `set_config`: first values of variables may depend on the config
            return pipeline

        return make

    def _worker(self) -> Callable[[Any, Any], Any]:
        if self.work == NEXT:
            return lambda run, unit: unit.pipeline.next_batch()
        if self.work == RUN:
            return lambda run, unit: unit.pipeline.run()
        name, batches = self.name, str(self.batches)

        def process(run: Any, unit: Any) -> Any:
            batch = run.output_of(batches)
            if len(run.branches) > 1:
                batch = copy_batch(batch)
            if unit.iterator is None:
                unit.iterator = _seeds(unit.pipeline, run, name)
            return unit.pipeline.execute_for(batch, **next(unit.iterator))

        return process

    @property
    def variables(self) -> tuple[str, ...]:
        return self.saved

    @property
    def is_endless(self) -> bool:
        return self.work == RUN

    def check(self, known: Known) -> None:
        check_names([self.settings.args, self.settings.kwargs], self.name, known)
        if isinstance(self.source, Method):
            self.source.check(self.name, known)


class Description(Protocol):
    """Where units are added; see `builder.Description`."""

    instances: dict[str, Instance]

    def add_unit(self, unit: Unit) -> str:
        """Append a unit and return the name that it got."""


def add_pipeline_units(
    experiment: Description,
    name: str,
    root: Any,
    branch: Any,
    run: bool,
    variables: Any,
    dump: When | None,
    when: When,
    kwargs: dict[str, Any],
) -> None:
    """Add the unit of a pipeline, or those of a root and its branches; see `Builder.add_pipeline`."""
    if run and branch is not None:
        raise ValueError(
            f"`run=True` of the pipeline {name!r} has no meaning with `branch`: the root makes one batch per "
            "iteration; leave out one of them, or run `root + branch` as one pipeline"
        )
    saved = read_variables(variables)
    settings = replace(_SETTINGS, kwargs=kwargs)
    root = name if root is None else root
    if branch is None:
        work = RUN if run else NEXT
        source = read_source(root, f"the pipeline {name!r}", work, saved)
        experiment.add_unit(PipelineUnit(name, when, False, dump, source, settings, work, saved))
        return
    source = read_source(root, f"`root` of the pipeline {name!r}", NEXT)
    process = read_source(branch, f"`branch` of the pipeline {name!r}", FOR, saved)
    common = {  # a unit's state is a branch's own, and may be missing in the first one
        key: value
        for key, value in kwargs.items()
        if all(unit in experiment.instances for _, unit in named_units(value))
    }
    batches = experiment.add_unit(
        PipelineUnit(f"{name}_root", when, True, None, source, replace(_SETTINGS, kwargs=common))
    )
    experiment.add_unit(PipelineUnit(name, when, False, dump, process, settings, FOR, saved, batches))


def check_pipeline(pipeline: Any, what: str, work: str, variables: Any = ()) -> None:
    """Refuse what is no pipeline, or lacks what it will be asked for.

    Parameters
    ----------
    pipeline : object
    what : str
        Where it was given, for the text of errors.
    work : str
        The method that is to be called.
    variables : tuple of str
        Variables to be read.

    Raises
    ------
    TypeError
        Names what is missing.
    """
    needed = [work, "set_config", "reset", *(["v"] if variables else [])]
    missing = [name for name in needed if not callable(getattr(pipeline, name, None))]
    if isinstance(pipeline, type):
        raise TypeError(f"{what} must be a pipeline, got the class {pipeline.__name__}: call it to make one")
    if missing:
        hint = "; batches of any other iterable come by `add_generator`" if NEXT in missing else ""
        raise TypeError(
            f"{what} must be a pipeline with the methods {needed}, got {type(pipeline).__name__} "
            f"{pipeline!r:.200} without {missing}{hint}"
        )
    if not any(hasattr(type(pipeline), name) for name in ("copy", "__add__", "__copy__")):
        raise TypeError(
            f"{what} must be a pipeline of which each experiment gets a copy, but {type(pipeline).__name__} "
            "has neither a method `copy` nor `__add__` for `pipeline + Pipeline()`: give it one"
        )


def read_source(given: Any, what: str, work: str, variables: Any = ()) -> Any:
    """Return what a pipeline is copied from: itself checked, or the Method that 'instance.attribute' means.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if not isinstance(given, str):
        check_pipeline(given, what, work, variables)
        return given
    instance, _, attribute = given.partition(".")
    if not instance or not all(part.isidentifier() for part in attribute.split(".")):
        raise ValueError(
            f"{what} must be a pipeline, or 'instance.attribute' where there is one, got {given!r}"
        )
    return Method(instance, attribute)


def read_variables(variables: Any) -> tuple[str, ...]:
    """Return names of a pipeline's variables as a tuple.

    Raises
    ------
    TypeError
        If they are neither a str nor a list of str.
    """
    if isinstance(variables, str):
        return (variables,)
    if isinstance(variables, list | tuple | None) and all(isinstance(name, str) for name in variables or ()):
        return tuple(variables or ())
    raise TypeError(f"`variables` must be a str or a list of str, got {variables!r}")


def read_variable(pipeline: Any, variable: str, unit: str) -> Any:
    """Return a variable of a pipeline; one that it does not have is an error, if it can tell.

    Raises
    ------
    KeyError
        Names the variable and the unit.
    """
    has_variable = getattr(type(pipeline), "has_variable", None)
    if has_variable is not None and not has_variable(pipeline, variable):
        raise KeyError(
            f"`variables` of the unit {unit!r} names {variable!r}, but its pipeline has no such variable"
        )
    return pipeline.v(variable)


def fresh_copy(pipeline: Any) -> Any:
    """Return a pipeline that shares no state of a run with the given one."""
    kind = type(pipeline)  # batchflow's instances answer any other name with a new action
    if hasattr(kind, "copy"):
        return pipeline.copy()
    if hasattr(kind, "__add__"):
        return pipeline + kind()
    return copy.copy(pipeline)


def copy_batch(batch: Any) -> Any:
    """Return a branch's own copy of the root's batch, with the same dataset behind it."""
    # batchflow's `dataset` goes by the pipeline that a batch is in, which only the root's thread knows
    datasets = [getattr(batch, name, None) for name in ("dataset", "_dataset")]
    shared = [item for dataset in datasets for item in (dataset, getattr(dataset, "data", None))]
    return copy.deepcopy(batch, {id(item): item for item in shared if item is not None})


def _seeds(pipeline: Any, run: Any, unit: str) -> Iterator[dict[str, Any]]:
    """Walk further arguments of `execute_for`: seeds that follow from the experiment's, if it takes any.

    batchflow has a generator for each thread, and branches change threads between iterations.
    """
    try:
        takes_seed = "seed" in signature(pipeline.execute_for).parameters
    except (TypeError, ValueError):  # a function in C need not say what it takes
        takes_seed = False
    sequence = run.seed_sequence(unit)
    while True:
        yield {"seed": sequence.spawn(1)[0]} if takes_seed else {}
