"""Which experiments, variables and iterations are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from research.domain import Alias, Config, ConfigAlias, Domain, Opaque
from research.domain.config import entries, flatten
from research.domain.decoding import look_up
from research.domain.hashing import dumps
from research.domain.rules import Rules, is_rule
from research.errors import did_you_mean
from research.results.added import DEVICE, NOTHING, Added
from research.storage.base import ExperimentRow

AUXILIARY = ("repetition", "updates", DEVICE)


class StoredExperiment:
    """An experiment as it was stored, its config read without running code.

    Parameters
    ----------
    row : ExperimentRow
    parameters : sequence of str, optional
        The order in which parameters are shown; others follow by name.
    added : Added, optional
        What workers and branches add.
    look_up : bool, default False
        Show functions and classes themselves, where their modules are loaded.
    """

    def __init__(
        self,
        row: ExperimentRow,
        parameters: Sequence[str] = (),
        added: Added = NOTHING,
        look_up: bool = False,
    ) -> None:
        self.row = row
        self._parameters = parameters
        self._added = added
        self._look_up = look_up
        self._change: Callable[[Any], Any] | None = None

    def changed(self, change: Callable[[Any], Any]) -> StoredExperiment:
        """Return the same with values of parameters as a function makes them; what is stored stays."""
        other = StoredExperiment(self.row, self._parameters, self._added, self._look_up)
        other._change = change
        return other

    @cached_property
    def config(self) -> Config:
        """The config; values that only code could rebuild are `Opaque`.

        What workers and branches add is shown, and is no part of its identity.
        """
        return self._config(Opaque)

    @cached_property
    def shown(self) -> Config:
        """The config as it is shown to users."""
        return self._config(look_up) if self._look_up else self.config

    def _config(self, make: Callable[[dict[str, Any]], Any]) -> Config:
        config, defaults, rules = self._all_forms()
        made = Config.from_canonical(self._sorted({**config, **defaults}), defaults, make, rules)
        if self._change is None:
            return made
        return Config.of_items({name: self._change(value) for name, value in made.raw_items()}, None, rules)

    def forms(self) -> dict[str, Any]:
        """Return canonical forms of all that is shown of the config, in no order."""
        config, defaults, _ = self._all_forms()
        return {**config, **defaults}

    def _all_forms(self) -> tuple[dict[str, Any], dict[str, Any], Rules | None]:
        """Return canonical forms of values, of those that are no part of the identity, and its rules."""
        config, rules = self._forms()
        defaults = {**self.notes.get("defaults", {}), **self._added.forms(self.row)}
        defaults = {**self._added.defaults({**config, **defaults}, self.row.generation), **defaults}
        return config, defaults, rules

    def _forms(self) -> tuple[dict[str, Any], Rules | None]:
        """Return canonical forms of values, but of defaults, and the rules of the identity."""
        form: dict[str, Any] = json.loads(self.row.config)
        ignored, replaced = self.notes.get("ignored"), self.notes.get("replaced", {})
        if ignored is None:
            return form, None
        stands = {name: dumps(item) for name, item in form.items() if is_rule(item)}
        kept = {name: item for name, item in form.items() if name not in stands}
        return {**kept, **replaced, **ignored}, Rules(ignored, {}, stands)

    def _sorted(self, forms: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters in the order in which they are shown."""
        return {name: forms[name] for name in in_order(forms, self._parameters)}

    def given(self) -> Config:
        """Return the config as the domain gave it, short names of values included."""
        (form, rules), defaults = self._forms(), self.notes.get("defaults", {})
        make = look_up if self._look_up else Opaque
        config = Config.from_canonical(self._sorted({**form, **defaults}), defaults, make, rules)
        names = {name: alias for name, alias in self.notes["values"].items() if name in config}
        items = {
            name: Alias(value, names[name]) if name in names else value for name, value in config.raw_items()
        }
        return Config.of_items(items, {path: dumps(item) for path, item in defaults.items()}, rules)

    def check(self) -> None:
        """Read all of it, so that it fails here if it cannot be read."""
        _ = self.shown, self.auxiliary, self.notes["names"].keys()

    @cached_property
    def notes(self) -> Mapping[str, Mapping[str, Any]]:
        """What is stored beside the canonical form: short names of parameters (`names`) and of values
        (`values`), and canonical forms of parameters that have their default (`defaults`), or have a rule by
        which they are no part of it (`ignored`), or something else is (`replaced`); ids of what it was bred
        from (`parents`).
        """
        given: dict[str, dict[str, Any]] = json.loads(self.row.aliases or '{"names": {}, "values": {}}')
        given["values"] = {**given["values"], **self._added.aliases(self.row)}
        return given

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the experiments that it was bred from."""
        return tuple(self.notes.get("parents", ()))

    @cached_property
    def auxiliary(self) -> dict[str, Any]:
        """What the study added to the config."""
        device = self._added.device(self.row)
        return {"repetition": self.row.repetition, "updates": self.row.generation, DEVICE: device}

    @cached_property
    def entries(self) -> dict[str, str]:
        """Canonical text of each parameter, the auxiliary ones included."""
        return dict(entries([*self.config.items(), *self.auxiliary.items()]))

    def alias(self) -> dict[str, str]:
        """Return the config in short names."""
        return {self.name_alias(name): self.value_alias(name) for name in self.config}

    def name_alias(self, name: str) -> str:
        """Return the short name of a parameter."""
        return str(self.notes["names"].get(name, name))

    def value_alias(self, name: str) -> str:
        """Return the short name of a parameter's value."""
        return str(self.notes["values"].get(name, "")) or str(Alias(self.config[name]))


def in_order(paths: Collection[str], parameters: Sequence[str]) -> list[str]:
    """Return paths of parameters in the order in which they are shown."""
    names = [name for name in parameters if name in paths]
    if len(names) < len(paths):  # nested ones go by their paths
        ranks = {name: rank for rank, name in enumerate(parameters)}
        names = sorted(paths, key=lambda path: (_rank(path, ranks), path))
    return names


def _rank(path: str, ranks: Mapping[str, int]) -> int:
    """Return the first place of a parameter that a path is, or is part of."""
    parts = path.split("/")
    starts = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return min((ranks[start] for start in starts if start in ranks), default=len(ranks))


@dataclass(frozen=True)
class Selection:
    """What is asked for.

    Parameters
    ----------
    experiments : callable or None
        Which experiments; None: all.
    variables : tuple of str or None
        None: all.
    iterations : frozenset of int or None
        None: all.
    """

    experiments: Callable[[ExperimentRow], bool] | None
    variables: tuple[str, ...] | None
    iterations: frozenset[int] | None

    def __and__(self, other: Selection) -> Selection:
        """Return what both ask for."""
        tests = [test for test in (self.experiments, other.experiments) if test is not None]
        variables, iterations = self.variables, self.iterations
        if other.variables is not None:
            variables = tuple(name for name in other.variables if variables is None or name in variables)
        if other.iterations is not None:
            iterations = other.iterations if iterations is None else iterations & other.iterations
        return Selection(
            (lambda row: all(test(row) for test in tests)) if tests else None, variables, iterations
        )


def select(
    study_seed: int,
    added: Added = NOTHING,
    /,
    experiment_id: str | Iterable[str] | None = None,
    name: str | Iterable[str] | None = None,
    iterations: int | Iterable[int] | None = None,
    config: Mapping[str, Any] | None = None,
    alias: Mapping[str, Any] | None = None,
    domain: Domain | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    **kwargs: Any,
) -> Selection:
    """Read filters as users write them.

    Parameters
    ----------
    study_seed : int
        For drawn values of `domain`.
    added : Added
        What workers and branches add.
    experiment_id : str or list of str, optional
    name : str or list of str, optional
        Variables.
    iterations : int or list of int, optional
    config : dict, optional
        Values of parameters.
    alias : dict, optional
        Short names of values, by short names of parameters.
    domain : Domain, optional
        Experiments whose config holds any of its configs.
    **kwargs
        Values of parameters; together with `alias`, short names.

    Raises
    ------
    ValueError
        If more than one of `config`, `alias` and `domain` is given, a parameter is given twice, or an
        iteration is negative.
    TypeError
        If a filter is of another kind.
    """
    given = [
        key for key, value in (("config", config), ("alias", alias), ("domain", domain)) if value is not None
    ]
    if len(given) > 1:
        raise ValueError(f"give one of `config`, `alias` and `domain`, got {' and '.join(given)}")
    tests: list[Callable[[StoredExperiment], bool]] = []
    if alias is not None:
        tests.append(_alias_test(_together("alias", alias, kwargs)))
        kwargs = {}
    if domain is not None:
        tests.append(_domain_test(_domain(domain), study_seed))
    wanted = _together("config", {} if config is None else config, kwargs)
    if wanted:
        tests.append(config_test(wanted))
    ids = None if experiment_id is None else frozenset(as_texts("experiment_id", experiment_id))

    def chosen(row: ExperimentRow) -> bool:
        if ids is not None and row.id not in ids and row.shown_id not in ids:
            return False
        experiment = StoredExperiment(row, (), added)
        return all(test(experiment) for test in tests)

    return Selection(
        chosen if tests or ids is not None else None,
        None if name is None else tuple(as_texts("name", name)),
        None if iterations is None else frozenset(_numbers(iterations)),
    )


def check_parameters(
    filters: Mapping[str, Any], experiments: Sequence[StoredExperiment], added: Added = NOTHING
) -> None:
    """Refuse a filter for a parameter that no experiment has, and no worker or branch would add."""
    wanted: Iterable[str] = {key: value for key, value in filters.items() if key not in _ARGUMENTS}
    names = dict.fromkeys(name for item in experiments for name in item.config)
    if filters.get("alias") is not None:
        names = dict.fromkeys(name for item in experiments for name in item.alias())
        wanted = [*filters["alias"], *wanted]
    elif filters.get("domain") is not None:
        wanted = [*wanted, *_domain(filters["domain"]).names]
    else:
        given = {**_plain(filters.get("config")), **dict.fromkeys(wanted)}
        wanted = [path for path, _ in flatten(given.items())]
    known = [*names, *added.names, *AUXILIARY]
    for parameter in wanted:
        if not any(name == parameter or name.startswith(f"{parameter}/") for name in known):
            raise ValueError(f"no experiment has a parameter {parameter!r}{did_you_mean(parameter, known)}")


_ARGUMENTS = ("experiment_id", "name", "iterations", "config", "alias", "domain")


def _plain(config: Mapping[str, Any] | ConfigAlias | None) -> dict[str, Any]:
    if isinstance(config, ConfigAlias):
        config = config.config()
    return dict(config.raw_items()) if isinstance(config, Config) else dict(config or {})


def _together(argument: str, given: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Join parameters given in one argument and as keywords, each of which may be given once."""
    if not isinstance(given, Mapping | ConfigAlias):
        raise TypeError(f"`{argument}` must be a dict of parameters, got {type(given).__name__} {given!r}")
    values = _plain(given)
    named = {path for path, _ in flatten(keywords.items())}
    for path, _ in flatten(values.items()):
        if path in named:
            raise ValueError(
                f"the parameter {path!r} is given twice, in `{argument}` and as a keyword: keep one of them"
            )
    return {**values, **keywords}


def as_texts(argument: str, value: Any) -> Sequence[str]:
    """Return one text or several as a list."""
    if isinstance(value, str):
        return [value]
    found = list(value) if isinstance(value, Iterable) else [value]
    for item in found:
        if not isinstance(item, str):
            raise TypeError(f"`{argument}` must be a str or a list of str, got {value!r}")
    return found


def _numbers(iterations: Any) -> Iterator[int]:
    is_list = isinstance(iterations, Iterable) and not isinstance(iterations, str | bytes | Mapping)
    for item in iterations if is_list else [iterations]:
        if not isinstance(item, int | np.integer) or isinstance(item, bool):
            raise TypeError(f"`iterations` must be an int or a list of ints, got {iterations!r}")
        if item < 0:
            raise ValueError(f"`iterations` are counted from zero, got {item}")
        yield int(item)


def config_test(wanted: Mapping[str, Any]) -> Callable[[StoredExperiment], bool]:
    """Test whether a config has these values."""
    texts = entries(wanted.items())
    return lambda experiment: all(experiment.entries.get(name) == text for name, text in texts)


def _alias_test(wanted: Mapping[str, Any]) -> Callable[[StoredExperiment], bool]:
    def test(experiment: StoredExperiment) -> bool:
        aliases = experiment.alias()
        return all(aliases.get(name) == str(value) for name, value in wanted.items())

    return test


def _domain(domain: Any) -> Domain:
    return domain if isinstance(domain, Domain) else Domain(domain)


def _domain_test(domain: Domain, study_seed: int) -> Callable[[StoredExperiment], bool]:
    """Test whether a config holds one of the domain's configs."""
    if domain.is_endless:
        raise ValueError("a filter needs a finite domain, this one is endless")
    by_names: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    has_rules = False
    for config in domain.configs(study_seed):
        pairs = entries(config.raw_items()) if config.rules is None else list(config.texts().items())
        has_rules = has_rules or config.rules is not None
        names = tuple(name for name, _ in pairs)
        by_names.setdefault(names, set()).add(tuple(text for _, text in pairs))

    def test(experiment: StoredExperiment) -> bool:
        texts = experiment.entries
        if has_rules:  # what they have made of values as well
            texts = {**texts, **experiment.config.texts()}
        return any(
            tuple(texts.get(name, "") for name in names) in values for names, values in by_names.items()
        )

    return test
