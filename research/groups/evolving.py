"""The closed loop: a study whose experiments are runs of a program, and whose domains are bred groups."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from research.domain import Config, Domain
from research.errors import StudyError, StudyNotFoundError, shorten
from research.groups.breeding import Recipe, breed
from research.groups.commands import for_study
from research.groups.database import Database
from research.groups.reports import DATA, DATABASE, GROUP
from research.groups.scores import aggregated, best, scores
from research.refining.refiner import Refiner
from research.research import Research
from research.results.results import ResearchResults


class Breeding(Refiner):
    """Breeds groups of parameters by all that is known of them, whoever has reported it.

    Parameters
    ----------
    database : Database
    recipe : Recipe
    generations : int or None
        How many domains may replace the first; None: any number.
    screen : Screen, optional
        Told of each generation. It does not go to other processes.
    """

    def __init__(
        self, database: Database, recipe: Recipe, generations: int | None, screen: Screen | None = None
    ) -> None:
        self.database = database
        self.recipe = recipe
        self.generations = generations
        self._screen = screen

    def __call__(self, results: ResearchResults, domain: Domain) -> Domain | None:
        columns = results.store.read(columns=("generation",)).columns
        generation = max(columns["generation"], default=0)
        database = self.database
        if self._screen is not None:
            self._screen.show_best(database, self.recipe, generation)
        if self.generations is not None and generation >= self.generations:
            return None
        children = breed(database, self.recipe, results.study.seed, again=True)
        if not children:
            return None
        known = {entry.id: entry for entry in database.groups()}
        runs = _runs_by_group(results)
        configs = {
            Config({**known[child.id].values, "group": child.id, "dataset": dataset}): [
                id_ for parent in child.parents for id_ in runs.get((parent, dataset), ())
            ]
            for child in children
            for dataset in child.datasets
        }
        if self._screen is not None:
            self._screen.begin(generation + 1, len(configs))
        return domain.bred(configs)

    def __repr__(self) -> str:
        return f"Breeding({self.database.place!r}, {self.recipe.metric!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_screen": None}


def _runs_by_group(results: ResearchResults) -> dict[tuple[str, str], list[str]]:
    """Return the ids of experiments, by group and data set."""
    found: dict[tuple[str, str], list[str]] = {}
    for id_, config in results.configs.items():
        found.setdefault((config["group"], config["dataset"]), []).append(id_)
    return found


class Screen:
    """A bar for each generation, and the best group so far; what `Research.run` takes as `bar`.

    Parameters
    ----------
    is_shown : bool
    is_resumed : bool
        The study is gone on with.
    """

    def __init__(self, is_shown: bool, is_resumed: bool) -> None:
        self._is_shown = is_shown
        self._is_resumed = is_resumed
        self._bar: Any = None
        self._best = ""

    def __call__(self, total: int | None, **options: Any) -> Screen:
        """Begin as a bar does; where a study is gone on with, nobody knows yet with how much."""
        if total and not self._is_resumed:
            self._start("runs", total)
        return self

    @property
    def total(self) -> int | None:
        """Nobody knows of how many, in all generations."""
        return None

    @total.setter
    def total(self, value: int | None) -> None:
        pass

    def begin(self, generation: int, n_runs: int) -> None:
        """Go on to another generation."""
        self._start(f"generation {generation}", n_runs)

    def _start(self, text: str, total: int | None) -> None:
        self.close()
        if self._is_shown:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total, desc=text, unit="run", miniters=1, postfix=shorten(self._best, str) or None
            )

    def show_best(self, database: Database, recipe: Recipe, generation: int) -> None:
        """Say which group is the best so far."""
        if not self._is_shown:
            return
        found = scores(database, recipe.metric)
        datasets = recipe.data or tuple(dict.fromkeys(str(item.dataset) for item in found))
        if recipe.aggregate is not None:
            found = aggregated(found, recipe.aggregate, recipe.mode, datasets)
        first = []
        for dataset in datasets if recipe.aggregate is None else (None,):
            own = [item for item in found if item.dataset == dataset]
            first += best(own, 1, recipe.mode)
        what = recipe.metric if recipe.aggregate is None else f"{recipe.aggregate} {recipe.metric}"
        shown = [
            f"{'' if item.dataset is None else f'{item.dataset}: '}{item.value:.6g} ({item.group})"
            for item in first
        ]
        self._best = f"best {what} {', '.join(shown)}" if shown else f"no {what} yet"
        self.close()
        from tqdm import tqdm

        tqdm.write(f"after generation {generation}: {self._best}")

    def update(self, n: int) -> None:
        """Count runs."""
        if self._bar is None:
            self._start("runs", None)
        if self._bar is not None:
            self._bar.update(n)

    def set_description(self, text: str, refresh: bool = True) -> None:
        """Show how many have failed."""
        if self._bar is not None and "(" in text:
            before = self._bar.desc.partition(" (")[0].rstrip(": ")
            self._bar.set_description(f"{before} ({text.partition('(')[2]}", refresh=refresh)

    def refresh(self) -> None:
        """Draw it again."""
        if self._bar is not None:
            self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it is."""
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


def evolve(
    database: Database,
    command: str,
    recipe: Recipe,
    generations: int | None,
    name: str,
    workers: int,
    seed: Any,
    timeout: float | None,
    is_shown: bool,
    **options: Any,
) -> Research:
    """Run a program for groups, breed the best, and so on; see `ParameterStore.evolve`."""
    recipe.check()
    storage = database.storage
    domain, is_begun = _first_domain(database, recipe, name)
    screen = Screen(is_shown, is_begun)
    study = Research(name, domain, storage=storage)
    environment = {GROUP: "{group}", DATA: "{dataset}"}
    study.add_command(for_study(command), name="program", timeout=timeout, env=environment)
    study.update_domain(Breeding(database, recipe, generations, screen))
    with _environment(DATABASE, database.whole_place):  # (in a study, a password would be kept)
        study.run(workers=workers, seed=None if is_begun else seed, resume=True, bar=screen, **options)
    return study


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Let programs inherit a variable."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _first_domain(database: Database, recipe: Recipe, name: str) -> tuple[Domain, bool]:
    """Return with what the study begins, or has begun: groups and data sets of which nothing is known."""
    with contextlib.suppress(StudyNotFoundError):
        loaded = Research.load(name, storage=database.storage)
        if loaded.domain != Domain({}):  # (which it has if the definition could not be kept)
            return loaded.domain, True
    data = database.datasets() if recipe.data is None else list(recipe.data)
    if not data:
        raise StudyError(
            f"{database.place!r} has no run that names a data set: say which there are, by `data`"
        )
    entries = database.groups()
    if not entries:
        raise StudyError(f"{database.place!r} holds no groups: load one by `research params load FILE`")
    known = {(run.group, run.dataset) for run in _runs_or_none(database, recipe.metric)}
    configs = [
        Config({**entry.values, "group": entry.id, "dataset": dataset})
        for entry in entries
        for dataset in data
        if (entry.id, dataset) not in known
    ]
    return Domain.from_configs(configs), False


def _runs_or_none(database: Database, metric: str) -> Sequence[Any]:
    try:
        return [run for run in database.reports(metric) if run.value is not None]
    except StudyError:  # nobody has reported anything yet
        return ()
