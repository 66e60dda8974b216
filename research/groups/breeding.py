"""The best groups have children: what `Genetic` is told of groups, and what it makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from research.domain import Config, Domain
from research.errors import did_you_mean
from research.events import DONE, QUEUED
from research.groups.database import Database, Entry
from research.groups.names import dotted
from research.groups.schema import Schema
from research.groups.scores import Score, aggregated, check_choices, chosen, scores
from research.groups.spaces import constraint_of, space_of, values_of
from research.refining.genetic import Genetic
from research.results.lineage import Evaluated
from research.results.results import ResearchResults

DATASET = "dataset"


class Child(NamedTuple):
    """A group that was bred, and for which data sets it is."""

    id: str
    datasets: tuple[str, ...]
    parents: tuple[str, ...]


class Recipe(NamedTuple):
    """How groups are bred; see `ParameterStore.breed`."""

    metric: str
    mode: str = "max"
    top: int = 6
    children: int = 15
    aggregate: str | None = None
    data: tuple[str, ...] | None = None
    focus: tuple[str, ...] | None = None

    def check(self) -> None:
        """Refuse what makes no sense.

        Raises
        ------
        ValueError
        """
        check_choices(self.mode, self.aggregate)
        for name, value in {"top": self.top, "children": self.children}.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a positive int, got {value!r}")


class _Known:
    """What `Genetic` asks of results."""

    def __init__(self, evaluated: list[Evaluated], seed: int) -> None:
        self._evaluated = evaluated
        self.study = SimpleNamespace(seed=seed)

    def evaluated(self, variables: Sequence[str]) -> list[Evaluated]:
        """Return groups with how good they are."""
        return self._evaluated


def breed(database: Database, recipe: Recipe, seed: int, again: bool = False) -> list[Child]:
    """Breed the best groups, and add their children to the others.

    Parameters
    ----------
    database : Database
    recipe : Recipe
    seed : int
    again : bool, default False
        What was bred and has not been run may come again: then children follow from the seed and from runs.

    Raises
    ------
    StudyError, ValueError
        If nothing is known by which groups could be compared.
    """
    recipe.check()
    entries = {entry.id: entry for entry in database.groups()}
    found = [score for score in scores(database, recipe.metric) if score.group in entries]
    datasets = chosen(sorted({str(score.dataset) for score in found}), recipe.data)
    is_joint = recipe.aggregate is not None
    if recipe.aggregate is not None:
        found = aggregated(found, recipe.aggregate, recipe.mode, datasets)
    found = [score for score in found if score.dataset is None or score.dataset in datasets]
    used = {entries[score.group].schema for score in found}
    schemas = {number: database.schema(number) for number in sorted(used)}
    space = space_of(list(schemas.values()))
    if not is_joint:
        space = space * Domain({DATASET: datasets})
    evaluated = [_evaluated(entries[score.group], score) for score in found]
    if not again:
        evaluated += _not_run(entries.values(), {score.group for score in found}, datasets, is_joint)
    focus, tags = _focus(schemas.values(), recipe.focus)
    genetic = Genetic(
        recipe.metric,
        recipe.mode,
        recipe.top,
        recipe.children,
        group_by=None if is_joint else DATASET,
        constraints=[constraint_of(schema) for schema in schemas.values() if schema.constraints],
        space=space,
        tags=tags,
        focus=focus,
        seed=seed,
    )
    bred = genetic(cast(ResearchResults, _Known(evaluated, seed)), space)
    if bred is None:
        return []
    generation = max(entries[score.group].generation for score in found) + 1
    return _keep(database, bred, schemas, generation, datasets)


def _evaluated(entry: Entry, score: Score) -> Evaluated:
    status = "failed" if math.isnan(score.value) else DONE
    config = _config(entry, score.dataset)
    id_ = entry.id if score.dataset is None else f"{entry.id}/{score.dataset}"
    return Evaluated(id_, status, entry.generation, 0, config.canonical, config, (score.value,))


def _not_run(entries: Any, run: set[str], datasets: Sequence[str], is_joint: bool) -> list[Evaluated]:
    """Return groups of which nothing is known yet: they need not be bred once more."""
    names: Sequence[str | None] = [None] if is_joint else datasets
    found = []
    for entry in entries:
        for name in names if entry.id not in run else ():
            config = _config(entry, name)
            found.append(Evaluated(entry.id, QUEUED, 0, 0, config.canonical, config, (None,)))
    return found


def _config(entry: Entry, dataset: str | None) -> Config:
    return Config(entry.values if dataset is None else {**entry.values, DATASET: dataset})


def _focus(
    schemas: Any, given: Sequence[str] | None
) -> tuple[list[str] | None, Mapping[str, list[str]] | None]:
    """Return which parameters alone are changed, by their paths or by tags."""
    if given is None:
        return None, None
    tags: dict[str, list[str]] = {}
    paths: list[str] = []
    for schema in schemas:
        paths += [path for path in schema.kinds if path not in paths]
        for tag, own in schema.tags.items():
            tags.setdefault(tag, []).extend(path for path in own if path not in tags[tag])
    known = {dotted(path): path for path in paths} | {tag: tag for tag in tags}
    for name in given:
        if name not in known:
            raise ValueError(f"`focus`: there is no parameter or tag {name!r}{did_you_mean(name, known)}")
    return [known[name] for name in given], tags


def _keep(
    database: Database,
    bred: Domain,
    schemas: Mapping[str, Schema],
    generation: int,
    datasets: Sequence[str],
) -> list[Child]:
    """Add children to the database, each with the schema that it belongs to."""
    children: list[Child] = []
    for number, schema in schemas.items():
        own: list[tuple[dict[str, Any], tuple[str, ...], str | None]] = []
        for config in bred:
            values = values_of(config)
            is_first = all(values.keys() != other.kinds.keys() for other in _before(schemas, number))
            if values.keys() == schema.kinds.keys() and is_first:
                groups = [id_.partition("/")[0] for id_ in bred.parents(config.canonical, 0)]
                own.append((values, tuple(dict.fromkeys(groups)), config.get(DATASET)))
        added = database.add([(values, ids, generation) for values, ids, _ in own], schema) if own else []
        for id_, (_, ids, dataset) in zip(added, own, strict=True):
            children.append(Child(id_, tuple(datasets) if dataset is None else (dataset,), ids))
    return children


def _before(schemas: Mapping[str, Schema], number: str) -> list[Schema]:
    """Return the schemas that come before one."""
    names = list(schemas)
    return [schemas[name] for name in names[: names.index(number)]]
