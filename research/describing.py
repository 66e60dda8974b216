"""What a study is, in plain text and for notebooks."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import Any

from research.domain import Domain
from research.domain.describing import escape
from research.experiment.experiment import Experiment
from research.experiment.pipelines import PipelineUnit
from research.experiment.schedule import When
from research.experiment.targets import Instance, Method, Target
from research.experiment.units import CallUnit, DumpUnit, SaveUnit, Unit
from research.monitoring.monitor import Monitor
from research.pruning.prunes import Prunes
from research.refining.refiner import Refiner
from research.updating import Update, Updating

LINE = 100  # characters; longer expressions are cut
_VALUES = reprlib.Repr()
_VALUES.maxlevel = 3
_VALUES.maxstring = _VALUES.maxother = _VALUES.maxlong = 60


class Described(Prunes, Updating):
    """How a study shows itself: `str(study)`, and in notebooks."""

    name: str
    experiment: Experiment
    n_configs: int | None
    n_reps: int | None
    monitor: Monitor
    _why_no_definition: str | None

    def __str__(self) -> str:
        facts = "".join(f"\n  {name}: {text}" for name, text in self._facts())
        units = "".join(f"\n    {kind} {text}" for kind, text in describe_units(self.experiment))
        none = " none" if self._why_no_definition is None else " not known"
        return f"Research {self.name!r}{facts}\n  units:{units or none}"

    def _repr_html_(self) -> str:
        facts = _rows([(name, escape(text)) for name, text in self._facts()])
        units = _rows([(kind, _code(text)) for kind, text in describe_units(self.experiment)])
        head = f"Research {_code(repr(self.name))}"
        return f"<div><p>{head}</p><table>{facts}</table><p>Units</p><table>{units}</table></div>"

    def _facts(self) -> Iterator[tuple[str, str]]:
        if self._why_no_definition is None:
            yield "domain", _cut(repr(self.domain))
            size = describe_size(self.domain, self.n_configs, self.n_reps)
            updates = self._all_updates()
            yield "configs", f"{size}, before updates" if updates else size
            for update in updates:
                yield "update", describe_update(update)
            if self._pruning is not None:
                yield "pruned by", str(self._pruning)
        else:
            yield "definition", self._why_no_definition
        counts = ", ".join(f"{count} {status}" for status, count in self.monitor.counts.items())
        yield "progress", counts or "not begun"


def describe_size(domain: Domain, n_configs: int | None, n_reps: int | None) -> str:
    """Say how many experiments a study has, as far as that is known without counting.

    Parameters
    ----------
    domain : Domain
    n_configs, n_reps : int or None
        The study's; None: as the domain says.

    Examples
    --------
    >>> describe_size(Domain(a=[1, 2, 3]), None, 2)
    '3, each 2 times: 6 experiments'
    >>> describe_size(Domain(a=range(9), b=range(9)).where(lambda c: c['a'] < c['b']), None, None)
    'not counted yet'
    """
    length, size = domain.len, domain.size
    if length is not None and size is not None:
        n_reps = n_reps or (size // length if length else 1)
    is_given = n_configs is not None and length != 0
    number = n_configs if is_given else length
    if number is None:
        text, total = "endless" if domain.is_endless else "not counted yet", ""
    elif length is None and not domain.is_endless:
        text, total = f"not counted yet, {number:,} are taken", ""
    else:
        text, total = f"{number:,}", f": {number * (n_reps or 1):,} experiments"
    return f"{text}, each {n_reps} times{total}" if (n_reps or 1) > 1 else text


def describe_units(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Walk instances and units in their order: what each is, and how it was added."""
    for instance in experiment.instances.values():
        yield "instance", _one_line([_call(instance.name, instance.target), *_marks(instance)])
    for unit in experiment.units.values():
        yield _kind(unit), _one_line([_work(unit), *_marks(unit)])


def describe_update(update: Update) -> str:
    """Return what replaces the domain, as it was added."""
    is_refiner = isinstance(update.function, Refiner) and not update.kwargs
    target = Target(update.function, (), update.kwargs)
    parts = [update.name if is_refiner else _call(_name(update.function), target)]
    parts.append(f"when={describe_when(update.when)}")
    parts += [f"{name}={number}" for name, number in update.numbers.items()]
    return _one_line(parts if update.wait else [*parts, "wait=False"])


def describe_when(when: When) -> str:
    """Return `when` as users write it.

    Examples
    --------
    >>> from research.experiment.schedule import parse_when
    >>> describe_when(parse_when(5)), describe_when(parse_when(['#3', 10, 'last']))
    ('5', "[10, '%3', 'last']")
    """
    parts = [*when.every, *(f"%{iteration}" for iteration in sorted(when.at))]
    if when.last:
        parts.append("last")
    return repr(parts[0] if len(parts) == 1 else parts)


def _kind(unit: Unit) -> str:
    if isinstance(unit, CallUnit):
        return "generator" if unit.generator else "callable"
    kinds: dict[type, str] = {SaveUnit: "save", DumpUnit: "dump"}
    return kinds.get(type(unit), type(unit).__name__.removesuffix("Unit").lower())


def _work(unit: Unit) -> str:
    """Return what a unit does, as a call."""
    if isinstance(unit, SaveUnit):
        return _value(unit.source)
    if isinstance(unit, PipelineUnit):
        return f"{unit.name}.{unit.work}({', '.join(_keywords(unit.settings))})"
    target = getattr(unit, "target", None)
    return _call(unit.name, target) if isinstance(target, Target) else unit.text


def _call(name: str, target: Target) -> str:
    """Return the call of a function, with the unit's name before it where that is another."""
    args = target.args if isinstance(target.args, list | tuple) else [target.args]
    words = [_value(value) for value in args]
    if not isinstance(target.args, list | tuple):
        words = [f"*{word}" for word in words]
    words.extend(_keywords(target))
    called = _name(target.function)
    call = f"{called}({', '.join(words)})"
    return call if called == name else f"{name} = {call}"


def _keywords(target: Target) -> Iterator[str]:
    for key, value in (target.kwargs or {}).items():
        yield f"**{_value(value)}" if key == "kwargs" else f"{key}={_value(value)}"


def _name(function: Any) -> str:
    if isinstance(function, Method):
        return f"{function.instance}.{function.attribute}"
    return getattr(function, "__name__", None) or _value(function)


def _marks(item: Unit | Instance) -> Iterator[str]:
    """Walk the other arguments with which something was added."""
    save_to = getattr(item, "save_to", None)
    if save_to is not None:
        yield f"save_to={list(save_to) if isinstance(save_to, tuple) else save_to!r}"
    if getattr(item, "save_output_dict", False):
        yield "save_output_dict=True"
    if isinstance(item, PipelineUnit) and item.saved:
        yield f"variables={list(item.saved)}"
    if isinstance(item, Unit):
        yield f"when={describe_when(item.when)}"
        if item.dump is not None:
            yield f"dump={describe_when(item.dump)}"
    if item.root:
        yield "root=True"


def _value(value: Any) -> str:
    return " ".join(_VALUES.repr(value).split())


def _one_line(parts: list[str]) -> str:
    return ", ".join([_cut(parts[0]), *parts[1:]])


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LINE else f"{text[: LINE - 1]}…"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _rows(pairs: list[tuple[str, str]]) -> str:
    return "".join(f"<tr><th>{escape(name)}</th><td>{text}</td></tr>" for name, text in pairs)
