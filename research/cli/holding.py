"""What a Python file holds that can be run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from research.cli.ending import Problem
from research.cli.scripts import Run, Script, until_it_runs
from research.errors import did_you_mean, shorten

if TYPE_CHECKING:
    from research.domain import Domain
    from research.research import Research


class Held(NamedTuple):
    """What a file holds: a study or a function to sweep; the domain, if there is one; arguments of `run`."""

    file: str
    study: Research | None
    function: Callable[..., Any] | None
    domain: Domain | None
    arguments: Mapping[str, Any] = {}

    @property
    def is_sweep(self) -> bool:
        """Whether it goes on with what is there, as sweeps do."""
        return self.study is None or _swept(self.study) is not None

    def over(self, domain: Domain | None) -> Research:
        """Return the study, of a domain that may be another than the file's."""
        from research.sweeping import sweep_study

        study = self.study
        if study is not None:
            function = _swept(study)
            if domain is None or domain is study.domain:
                return study
            if function is not None:  # which arguments it gets depends on the domain
                return sweep_study(function, domain, study.name, study.n_configs, study.n_reps)
            study.domain = domain
            return study
        if domain is None or self.function is None:
            raise Problem(
                f"{self.file} holds no Domain to sweep a function over: give it one as `domain`, or "
                "parameters by -p"
            )
        return sweep_study(self.function, domain, getattr(self.function, "__name__", "sweep"))


def look(loaded: Script, name: str | None = None) -> Held:
    """Find what there is to be run in a file.

    Parameters
    ----------
    loaded : Script
    name : str, optional
        What was asked for: a Research, a function to sweep, or one without arguments that runs or returns a
        study. Default: what the file was about to run, else the only one.

    Raises
    ------
    Problem
        If it is not there, or there are several.
    """
    from research.research import Research

    file, names = loaded.path.name, loaded.names
    public = {key: value for key, value in names.items() if not key.startswith("_")}
    studies = _distinct({key: value for key, value in public.items() if isinstance(value, Research)})
    functions = _distinct({key: value for key, value in public.items() if _is_own_function(key, value)})
    found = names.get(name) if name is not None else None
    if loaded.run is not None and (name is None or found is loaded.run.study):
        return _about_to_run(file, loaded.run)
    if (
        name is not None
        and not isinstance(found, Research)
        and (isinstance(found, type) or not callable(found))
    ):
        what = "" if found is None else f" is {type(found).__name__} there, and"
        near = did_you_mean(name, [*studies, *functions])
        raise Problem(f"{name!r} of {file}{what} is no study and no function{near}")
    if name is None:
        found = _only(file, studies, functions)
    if not isinstance(found, Research) and _takes_nothing(found):
        what = f"{name}() of {file} raised"
        made = until_it_runs(loaded.path, what, cast("Callable[[], Any]", found))
        if isinstance(made, Run):
            return _about_to_run(file, made)
        if not isinstance(made, Research):
            raise Problem(f"{name}() of {file} has run no study, and returns {shorten(made)} and no Research")
        found = made
    if isinstance(found, Research):
        return Held(file, found, None, found.domain)
    return Held(file, None, found, _own_domain(public, loaded.path))


def _only(file: str, studies: Mapping[str, Research], functions: Mapping[str, Any]) -> Any:
    """Return the only study, or the only function that can be swept."""
    known = studies or functions
    if not known:
        raise Problem(f"{file} holds no study: neither a Research nor a function to sweep over a Domain")
    (name, found), *others = known.items()
    if not others and not _takes_nothing(found):
        return found
    ways = " or ".join(f"{file}:{key}" for key in known)
    if studies:
        raise Problem(f"{file} holds {len(known)} studies: say which, {ways}")
    number = f"{len(known)} functions" if others else f"the function {name!r}"
    raise Problem(
        f"{file} holds no Research, but {number}: say {ways}; one with arguments is swept over the domain, "
        "one without is called, for the study that it runs or returns"
    )


def _takes_nothing(found: Any) -> bool:
    return isinstance(found, FunctionType) and not inspect.signature(found).parameters


def _about_to_run(file: str, run: Run) -> Held:
    """Return a study that the file was about to run, with the arguments that it gave."""
    study, arguments = run
    if arguments.pop("dump_results", True) is False and _swept(study) is not None:  # it was given no name
        study.name = next(iter(study.experiment.units))
    for name in ("dry_run", "bar"):  # the command has its own
        arguments.pop(name, None)
    return Held(file, study, None, study.domain, arguments)


def _swept(study: Research) -> Callable[..., Any] | None:
    """Return the function of a sweep, None of another study."""
    from research.sweeping import call

    for unit in study.experiment.units.values():
        target = getattr(unit, "target", None)
        if target is not None and target.function is call:
            return cast("Callable[..., Any]", target.args[0])
    return None


def _is_own_function(name: str, value: Any) -> bool:
    return isinstance(value, FunctionType) and value.__module__ == "__main__" and name != "get_params"


def _distinct(found: dict[str, Any]) -> dict[str, Any]:
    """Return things by the first of their names."""
    seen: dict[int, str] = {}
    for name, value in found.items():
        seen.setdefault(id(value), name)
    return {name: found[name] for name in seen.values()}


def _own_domain(public: Mapping[str, Any], path: Path) -> Domain | None:
    """Return the domain that a file has for its functions, as files of parameters have it."""
    from research.domain import Domain
    from research.domain.loading import as_domain

    if "domain" in public:
        return as_domain(public["domain"], "`domain`", path)
    if callable(public.get("get_params")):
        given = until_it_runs(path, f"get_params() of {path.name} raised", public["get_params"])
        return as_domain(given, "get_params()", path)
    domains = _distinct({key: value for key, value in public.items() if isinstance(value, Domain)})
    if len(domains) > 1:
        names = ", ".join(domains)
        raise Problem(f"{path.name} holds {len(domains)} domains, {names}: call the one to run `domain`")
    return next(iter(domains.values()), None)
