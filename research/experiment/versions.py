"""Which code a study runs, unit by unit, and what is another in the code of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from research.domain.hashing import digest, dumps
from research.experiment.bytecode import JSON, python_tag
from research.experiment.experiment import Experiment
from research.experiment.following import Part, find_parts

OWN = ""  # the name of a unit's part that says how it was added
EXECUTOR = "`executor_class`"


class Difference(NamedTuple):
    """What is another in a unit."""

    unit: str
    text: str

    def __str__(self) -> str:
        return f"{self.unit} {self.text}"


@dataclass(frozen=True)
class Version:
    """The code of all units, as it would run now.

    Parameters
    ----------
    python : str
        Bytecode is compared within the same only.
    units : dict
        Parts by the name of a unit or an instance; None where they could not be found.
    """

    python: str
    units: Mapping[str, list[Part] | None]

    @classmethod
    def of(cls, experiment: Experiment, executor: type | None = None) -> Version:
        """Look at the units of an experiment, and at an executor of the user's own."""
        items: dict[str, Any] = {**experiment.instances, **experiment.units}
        units = {repr(name): _parts(item) for name, item in items.items()}
        return cls(python_tag(), units if executor is None else {**units, EXECUTOR: _parts(executor)})

    @classmethod
    def of_form(cls, form: Mapping[str, JSON]) -> Version:
        """Return one that is stored; it does not say where things stand."""
        parts = [Part(name, code, source, "") for name, code, source in form["parts"]]
        units = {
            name: None if numbers is None else [parts[n] for n in numbers]
            for name, numbers in form["units"].items()
        }
        return cls(form["python"], units)

    @property
    def form(self) -> dict[str, JSON]:
        """What is stored of it."""
        known = [part[:3] for parts in self.units.values() for part in parts or ()]
        places = {part: place for place, part in enumerate(dict.fromkeys(known))}
        units = {
            name: None if parts is None else [places[part[:3]] for part in parts]
            for name, parts in self.units.items()
        }
        return {"python": self.python, "parts": [list(part) for part in places], "units": units}

    @property
    def id(self) -> str:
        """The eight digits by which experiments say that they were made with it."""
        units = [
            [name, None if parts is None else [part[:2] for part in parts]]
            for name, parts in self.units.items()
        ]
        return digest(dumps([self.python, units]), 4)

    def differences(self, form: Mapping[str, JSON]) -> tuple[list[Difference], list[str]]:
        """Compare it with one that is stored.

        Parts are the same if their bytecode is, or what is written. Where the other was of another Python,
        and nothing is known of what was written, nobody can tell.

        Returns
        -------
        list of Difference
        list of str
            Units of which it could not be told.
        """
        other = Version.of_form(form)
        before = other.units
        found: list[Difference] = []
        unclear: list[str] = []
        for unit, parts in self.units.items():
            if unit not in before:
                found.append(Difference(unit, "is new"))
                continue
            old = before[unit]
            if parts is not None and old is not None:
                changed, is_unclear = _compare(parts, old, other.python == self.python)
                found += [Difference(unit, f"({listed(changed)})")] if changed else []
                unclear += [unit] if is_unclear and not changed else []
        found += [Difference(unit, "is gone") for unit in before if unit not in self.units]
        common = [unit for unit in before if unit in self.units]
        if common != [unit for unit in self.units if unit in before]:
            found.append(Difference("the order of units", "is another"))
        return found, unclear


def listed(items: Sequence[object], most: int = 8) -> str:
    """Return items as text, and of many how many more there are."""
    more = [f"and {len(items) - most} more"] if len(items) > most else []
    return "; ".join([*map(str, items[:most]), *more])


def _parts(item: Any) -> list[Part] | None:
    try:
        return find_parts(item, OWN)
    except Exception:  # objects of users may do anything when they are looked at
        return None


def _compare(parts: Sequence[Part], before: Sequence[Part], same_python: bool) -> tuple[list[str], bool]:
    """Return the parts of a unit that are not as they were, and whether some cannot be compared."""
    changed: list[str] = []
    is_unclear = False
    old = {part.name: part for part in before}
    for part in parts:
        place = f" in {part.place}" if part.place else ""
        if part.name not in old:
            changed.append(f"{part.name}{place}, which was not there")
            continue
        _, code, source, _ = old[part.name]
        if (same_python and code == part.code) or (source is not None and source == part.source):
            continue
        if same_python or (source is not None and part.source is not None):
            changed.append(f"{part.name}{place}" if part.name != OWN else "what it is called with, or how")
        else:
            is_unclear = True
    gone = old.keys() - {part.name for part in parts}
    changed += [f"{name}, which is not used any more" for name in old if name in gone]
    return changed, is_unclear


def better_form(form: dict[str, JSON], other: dict[str, JSON] | None) -> dict[str, JSON]:
    """Return, of two forms of the same code, the one that says more of what was written."""
    if other is None:
        return form
    known, known_by_other = (sum(part[2] is not None for part in item["parts"]) for item in (form, other))
    return form if known >= known_by_other else other


def join_codes(codes: Iterable[Mapping[str, JSON]]) -> dict[str, JSON]:
    """Return what is stored of the code of studies, as of one."""
    versions: dict[str, JSON] = {}
    kept: dict[str, None] = {}
    for code in codes:
        for key, form in code.get("versions", {}).items():
            versions[key] = better_form(form, versions.get(key))
        kept |= dict.fromkeys(code.get("kept", ()))
    return {"versions": versions, "kept": list(kept)}
