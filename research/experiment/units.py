"""Units: what an experiment does at an iteration, described and compiled."""

from __future__ import annotations

import copy as copying
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from research.experiment.compiling import Evaluator, Known, check_names, compile_value
from research.experiment.saving import make_save
from research.experiment.schedule import When
from research.experiment.targets import Binder, Bound, Invoke, Target

_NOTHING = Target(None)


class Step(NamedTuple):
    """A compiled unit: what the loop over iterations calls."""

    name: str
    bind: Binder
    when: When
    always: bool
    dump: When | None
    root: bool
    is_pipeline: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """Base of units.

    Parameters
    ----------
    name : str
    when : When
        Iterations at which it runs.
    root : bool
        Run once for all branches.
    dump : When or None
        Iterations after which everything saved so far is sent to the store at once.
    """

    name: str
    when: When
    root: bool = False
    dump: When | None = None

    def renamed(self, name: str) -> Unit:
        """Return the same unit under another name."""
        return replace(self, name=name)

    def compile(self, invoke: Invoke | None = None) -> Step:
        """Return the unit as the loop over iterations calls it."""
        return Step(self.name, self.bind(invoke), self.when, self.when.always, self.dump, self.root)

    def bind(self, invoke: Invoke | None = None) -> Binder:
        """Return what takes a running experiment, and returns the unit's work for it.

        Parameters
        ----------
        invoke : callable, optional
            Calls the function of the user in which the unit's work is done, if there is any.
        """
        call = self.call(invoke)
        return lambda run: partial(call, run)

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        """Return the unit's work as a function of the running experiment, where nothing is gained by `bind`.

        Parameters
        ----------
        invoke : callable, optional
            As of `bind`.
        """
        raise NotImplementedError

    @property
    def variables(self) -> tuple[str, ...]:
        """Names under which the unit is known to save values."""
        return ()

    @property
    def is_endless(self) -> bool:
        """Whether the unit can be called again and again: then one iteration is enough by default."""
        return True

    @property
    def is_program(self) -> bool:
        """Whether the unit starts programs, which may outlive the process that has started them."""
        return False

    @property
    def text(self) -> str:
        """What the unit does, where that is no call of Python."""
        return self.name

    def check(self, known: Known) -> None:
        """Refuse names of units, instances and parameters that do not exist."""


@dataclass(frozen=True, slots=True)
class CallUnit(Unit):
    """A function called, or a generator advanced, at each due iteration.

    Parameters
    ----------
    target : Target
    generator : bool
        The target makes an iterable, once per experiment; each call takes its next item.
    save_to : str, tuple of str or None
        Variables for the output; several take an output of as many items.
    save_output_dict : bool
        Save each key of a returned dict.
    """

    target: Target = _NOTHING
    generator: bool = False
    save_to: str | tuple[str, ...] | None = None
    save_output_dict: bool = False

    def bind(self, invoke: Invoke | None = None) -> Binder:
        name = self.name
        bind_work = self.target.compile(name, invoke)
        if self.generator:
            bind_work = _advance(name, bind_work, invoke)
        bind_save = make_save(name, self.save_to, self.save_output_dict)

        def bind(run: Any) -> Bound:
            work, unit = bind_work(run), run.units[name]
            if bind_save is None:

                def call() -> None:
                    unit.output = work()

                return call
            save = bind_save(run)

            def call_and_save() -> None:
                output = unit.output = work()
                save(output)

            return call_and_save

        return bind

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.save_to,) if isinstance(self.save_to, str) else self.save_to or ()

    @property
    def is_endless(self) -> bool:
        return not self.generator

    def check(self, known: Known) -> None:
        self.target.check(self.name, known)


@dataclass(frozen=True, slots=True)
class SaveUnit(Unit):
    """A value saved at each due iteration.

    Parameters
    ----------
    source : object
        An expression, or a constant.
    save_to : str, tuple of str or None
    save_output_dict : bool
    copy : bool
        Save a deep copy.
    """

    source: Any = None
    save_to: str | tuple[str, ...] | None = None
    save_output_dict: bool = False
    copy: bool = False

    def bind(self, invoke: Invoke | None = None) -> Binder:
        source = self.source
        read = compile_value(source, self.name) or (lambda run: source)
        bind_save = make_save(self.name, self.save_to, self.save_output_dict)
        copy = self.copy

        def bind(run: Any) -> Bound:
            save = None if bind_save is None else bind_save(run)

            def call() -> None:
                value = read(run)
                if copy:
                    value = copying.deepcopy(value)
                if save is not None:
                    save(value)

            return call

        return bind

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.save_to,) if isinstance(self.save_to, str) else self.save_to or ()

    def check(self, known: Known) -> None:
        check_names(self.source, self.name, known)


@dataclass(frozen=True, slots=True)
class DumpUnit(Unit):
    """Everything saved so far goes to the store at each due iteration."""

    def call(self, invoke: Invoke | None = None) -> Evaluator:
        return lambda run: run.dump()


def _advance(name: str, bind_make: Binder, invoke: Invoke | None) -> Binder:
    def bind(run: Any) -> Bound:
        make, unit = bind_make(run), run.units[name]

        def advance() -> Any:
            if unit.iterator is None:
                unit.iterator = iter(make())
            return next(unit.iterator) if invoke is None else invoke(run, next, (unit.iterator,), {})

        return advance

    return bind


def unique_names(name: str) -> Iterator[str]:
    """Walk `name`, `name_1`, `name_2`, …."""
    yield name
    number = 1
    while True:
        yield f"{name}_{number}"
        number += 1
