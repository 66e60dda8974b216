"""A study in one line: a function, configs, a table."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from research.domain import Config, Domain
from research.domain.config import AUXILIARY
from research.errors import did_you_mean
from research.experiment.experiment import RESERVED
from research.experiment.expressions import EC
from research.planning import MOST_PLANNED, Prospect
from research.research import Research
from samplers.base import same

if TYPE_CHECKING:
    import pandas as pd  # takes a tenth of a second: only those who ask for a table pay

    from research.results.results import ResearchResults

RESULT = "result"  # the column of what is returned, if that is no dict
_TAKEN = (*RESERVED, *AUXILIARY, "config")  # columns of tables
_N_SHOWN = 1000  # rows of a plan that is too long for a table


def sweep(
    func: Callable[..., Any],
    domain: Domain | Mapping[str, Any] | Iterable[Any],
    *,
    workers: Any = 1,
    name: str | os.PathLike[str] | None = None,
    n_configs: int | None = None,
    n_reps: int | None = None,
    dry_run: bool = False,
    **run: Any,
) -> pd.DataFrame:
    """Call a function for each config, in processes, and return a table of what came of it.

    With a name it is a study in a folder: what has been done is not done again, so that further values can
    be added by calling this again.

    Parameters
    ----------
    func : callable
        Takes parameters as keywords, by the names of its arguments, `**` all others; or the config as a
        dict, if its only required argument is no parameter. What it returns is saved: of a dict each
        item under its key, anything else as `result`, and None not at all. Parameters that it returns as they
        were are left out; other values under the name of a parameter, or of another column, get `_` after it.
    domain : Domain, dict or list
        Configs; a dict is one of options, `{'a': [1, 2]}`, a list one of dicts, dataclasses or Configs.
    workers : int or list of dict, default 1
        See `Research.run`.
    name : str or path, optional
        The study's folder. Default: results are in memory only.
    n_configs, n_reps : int, optional
        See `Research`.
    dry_run : bool, default False
        Call nothing: print how many configs are new, done and so on, and return the table of `Research.plan`,
        its first thousand rows if it is too long for one.
    **run
        More arguments of `Research.run`, such as `seed`, `parallel`, `bar`, `retry_failed`, `code_changed`.

    Returns
    -------
    pandas.DataFrame
        A row for each config that the study has, in the order in which they were handed out: `id`,
        parameters, `repetition` if there are any, `status`, and what was saved. Where `status` is not
        `done`, that is missing; why is in `results` of `Research.load(name)`, and in the study's log.

    Raises
    ------
    TypeError, ValueError
        If an argument makes no sense; if the function takes no argument of a parameter's name (unless that
        is ignored, see `Domain.ignore`), or needs one that is no parameter. Nothing has been called then.
    StudyError
        See `Research.run`.

    Examples
    --------
    >>> from research import Domain, sweep
    >>> def area(a, b):
    ...     return a * b
    >>> sweep(area, Domain(a=[1, 2]) * Domain(b=[8, 9]), bar=False)[['a', 'b', 'result']]
       a  b  result
    0  1  8       8
    1  1  9       9
    2  2  8      16
    3  2  9      18
    """
    if run.get("detach"):
        raise ValueError(
            "`detach=True` returns at once, and a sweep when its table is complete: use Research"
        )
    study = sweep_study(func, domain, "sweep" if name is None else name, n_configs, n_reps)
    domain = study.domain
    kept: dict[str, Any] = {"dump_results": False} if name is None else {"resume": True}
    study.run(workers=workers, dry_run=dry_run, **{**kept, **run})
    if dry_run:
        from research.conducting import Definition

        given = {key: run[key] for key in ("retry_failed", "code_changed", "seed") if key in run}
        updates = ()  # they are not asked here
        definition = Definition(study.name, domain, study.experiment, n_configs, n_reps, None, updates)
        prospect = Prospect(definition, **given, is_kept=name is not None)
        is_long = prospect.size is None or prospect.size > MOST_PLANNED
        return prospect.to_df(_N_SHOWN if is_long else None)
    return results_frame(study.results)


def sweep_study(
    func: Callable[..., Any],
    domain: Domain | Mapping[str, Any] | Iterable[Any],
    name: str | os.PathLike[str],
    n_configs: int | None = None,
    n_reps: int | None = None,
) -> Research:
    """Return the study that `sweep` runs; arguments and errors are those of `sweep`."""
    if not callable(func):
        raise TypeError(f"`func` must be callable, got {type(func).__name__} {func!r}")
    is_listed = not isinstance(domain, Domain | Mapping)
    if not isinstance(domain, Domain):
        domain = Domain(domain) if isinstance(domain, Mapping) else Domain.from_configs(domain)
    first = next(iter(domain), None)
    ignored = first.rules.ignored if first is not None and first.rules is not None else ()
    is_empty = first is None and not domain.names  # then nothing is known of parameters, and nothing is run
    way = Way(None, (), False) if is_empty else _read_signature(func, domain.names, ignored)
    if is_listed:
        _check_each(func, domain, way)
    study = Research(name, domain, n_configs=n_configs, n_reps=n_reps)
    given = [func, EC(full=True), way.places, way.names, way.takes_all]
    study.add_callable(_name_of(func), call, args=given, save_output_dict=True)
    return study


class Way(NamedTuple):
    """How a function is called."""

    places: Sequence[str] | None  # parameters that it takes by place; None: the whole config
    names: Sequence[str]  # that it takes by name
    takes_all: bool  # others, too
    needed: Sequence[str] = ()  # parameters that no default of the function can stand for


def _check_each(func: Callable[..., Any], domain: Domain, way: Way) -> None:
    """Refuse configs that lack what a function needs: each may have parameters of its own."""
    for number, config in enumerate(domain):
        for wanted in way.needed:
            if wanted not in config:
                what = f"config number {number}, {dict(config)!r}"
                raise ValueError(f"{_name_of(func)}() needs {wanted!r}, which {what}, lacks")


def call(
    func: Callable[..., Any],
    config: dict[str, Any],
    places: Sequence[str] | None,
    names: Sequence[str],
    takes_all: bool,
) -> dict[str, Any]:
    """Call a function of a sweep with a config, return what is to be saved: see `sweep`."""
    own = {name: value for name, value in config.items() if name not in AUXILIARY}
    if places is None:
        return _outputs(func(own), Config(own))
    known = Config(config)
    given = {name: known[name] for name in names if name in known}
    if takes_all:
        taken = (*places, *names)
        given.update((name, value) for name, value in own.items() if name.partition("/")[0] not in taken)
    return _outputs(func(*(known[name] for name in places), **given), Config(own))


def _outputs(output: Any, config: Config) -> dict[str, Any]:
    if output is None:
        return {}
    if not isinstance(output, Mapping):
        output = {RESULT: output}
    found: dict[str, Any] = {}
    for key, value in output.items():
        name = str(key)
        if name in config and same(config[name], value):
            continue
        while name in config or name in found or name in _TAKEN:
            name += "_"
        found[name] = value
    return found


def _name_of(func: Callable[..., Any]) -> str:
    name = str(getattr(func, "__name__", "function"))
    return name if name.isidentifier() else "function"


def _read_signature(func: Callable[..., Any], parameters: Sequence[str], ignored: Container[str] = ()) -> Way:
    """Tell how a function takes parameters.

    Parameters
    ----------
    func : callable
    parameters : sequence of str
    ignored : container of str
        Those of them that are no part of identities, such as names: it need not take them.

    Raises
    ------
    ValueError
        If it takes no argument of a parameter's name, or needs one that is no parameter.
    """
    try:
        arguments = list(inspect.signature(func).parameters.values())
    except (TypeError, ValueError):  # many builtins have no signature
        return Way(None, (), False)
    groups = dict.fromkeys(name.partition("/")[0] for name in parameters)
    known = (*groups, *AUXILIARY)
    by_place = [item.name for item in arguments if item.kind is item.POSITIONAL_ONLY]
    by_name = [
        item.name for item in arguments if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
    ]
    required = [
        item.name
        for item in arguments
        if item.default is item.empty and item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD)
    ]
    takes_all = any(item.kind is item.VAR_KEYWORD for item in arguments)
    first = arguments[0] if arguments else None
    if first is not None and first.kind is not first.VAR_KEYWORD and first.kind is not first.KEYWORD_ONLY:
        is_only = required in ([], [first.name]) and not any(name in known for name in by_place + by_name)
        if is_only and (first.name in required or first.kind is first.VAR_POSITIONAL):
            from difflib import get_close_matches

            if takes_all or not get_close_matches(first.name, groups, 1, 0.8):
                return Way(None, (), False)
    name = _name_of(func)
    for wanted in required:
        if wanted not in known:
            raise ValueError(
                f"{name}() needs {wanted!r}, which is no parameter{did_you_mean(wanted, known)}; its "
                "arguments must be parameters, or the only one the config"
            )
    for group in () if takes_all else groups:
        if group not in by_place and group not in by_name and group not in ignored:
            near = did_you_mean(group, by_place + by_name)
            raise ValueError(
                f"{name}() takes no {group!r}, which is a parameter{near}; "
                "`**others` would take what is not named, a single argument the whole config"
            )
    needed = tuple(item for item in required if item not in AUXILIARY)
    return Way(tuple(item for item in by_place if item in known), tuple(by_name), takes_all, needed)


def results_frame(results: ResearchResults) -> pd.DataFrame:
    """Return a table with a row for each experiment, those without values included; see `sweep`."""
    from research.results.frames import free_name

    statuses = results.statuses_to_df()
    table = results.to_df(remove_auxilary=False)
    if not table["id"].equals(statuses["id"]):  # some have saved nothing
        head = results.configs_to_df(use_alias=False, remove_auxilary=False)
        known = [name for name in head.columns if name != "id"]
        table = head.merge(table.drop(columns=known), how="left", on="id")
    n_before = list(table.columns).index(AUXILIARY[0])
    if not table["repetition"].any():
        table = table.drop(columns="repetition")
    else:
        n_before += 1
    table = table.drop(columns=[name for name in (*AUXILIARY[1:], "iteration") if name in table])
    status = table["id"].map(dict(zip(statuses["id"], statuses["status"], strict=True)))
    parameters = results.study.settings.get("parameters", ())
    if "status" in table and "status" not in parameters:  # a variable
        table = table.rename(columns={"status": free_name("status", table.columns)})
    table.insert(n_before, free_name("status", table.columns), status)
    return table
