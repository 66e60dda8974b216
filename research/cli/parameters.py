"""`-p`: parameters given in a shell, in place of those of a file or beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.cli.ending import Problem
from research.cli.values import read_value, read_values, split
from research.errors import did_you_mean

if TYPE_CHECKING:
    from research.domain import Domain

HELP = """\b
-p NAME=VALUES    these values of a parameter: 0.1,1 or svm,tree or
                  range(5) or [1, 2]. They replace those that the domain
                  has; a parameter that it has not is added to all configs.
-p NAME+=VALUES   these values as well.
-p +NAME=VALUES   a new parameter, also where its name is like another's.
-p FILE.py        the configs of a file of parameters, in place of the domain;
                  those of several files one after another. FILE.py:0-2,5
                  and FILE.py:NAME choose some of them.
-p +FILE.py       those as well.
Files come first, then the others in their order.
"""
_SETTING = re.compile(r"(?P<new>\+?)(?P<name>[^\s=+]+?)(?P<more>\+?)=(?P<values>.*)", re.DOTALL)
_INDICES = re.compile(r"[\d:,\s-]+")


def with_parameters(domain: Domain | None, given: Sequence[str]) -> Domain | None:
    """Return a domain with what was given by `-p`.

    Parameters
    ----------
    domain : Domain or None
        That of the study, if it has one.
    given : sequence of str

    Raises
    ------
    Problem
        If one of them is neither a file nor a setting.
    """
    if not given:
        return domain
    own = domain
    settings, replaced = [], None
    for text in given:
        setting = _SETTING.fullmatch(text)
        if setting is not None and not _is_file(text):
            settings.append(setting)
        elif text.startswith("+"):
            more = _load(text[1:])
            replaced = _joined(replaced if replaced is not None else own, more)
        else:
            replaced = _joined(replaced, _load(text))
    domain = own if replaced is None else replaced
    for setting in settings:
        _check_name(domain, setting["name"], bool(setting["new"]), bool(setting["more"]))
        domain = _with_values(domain, setting["name"], setting["values"], bool(setting["more"]))
    return domain


def read_settings(given: Iterable[str], what: str, known: Iterable[str] | None = None) -> dict[str, Any]:
    """Return settings of the form NAME=VALUE as a dict.

    Parameters
    ----------
    given : iterable of str
    what : str
        The option that gave them.
    known : iterable of str, optional
        Names that there are.
    """
    found: dict[str, Any] = {}
    names = None if known is None else list(known)
    for text in given:
        name, sign, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or not name:
            raise Problem(f"{what} must be NAME=VALUE, got {text!r}")
        if names is not None and name not in names:
            raise Problem(f"{what}: there is no {name!r}{did_you_mean(name, names)}")
        found[name] = read_value(value)
    return found


def _is_file(text: str) -> bool:
    try:
        return Path(text.lstrip("+")).is_file()
    except (OSError, ValueError):
        return False


def _joined(domain: Domain | None, more: Domain) -> Domain:
    return more if domain is None else domain + more


def _load(text: str) -> Domain:
    from research.domain.loading import load_domain

    file, colon, wanted = text.rpartition(":")
    if not colon or _is_file(text):
        if not text.endswith(".py") and not _is_file(text) and not _is_file(f"{text}.py"):
            raise Problem(
                f"-p {text!r} is no file of parameters, and no setting: write {text}=VALUE for a parameter"
            )
        return load_domain(text)
    if _INDICES.fullmatch(wanted):
        return load_domain(file, indices=wanted)
    return load_domain(file, names=split(wanted))


def _check_name(domain: Domain | None, name: str, is_new: bool, is_more: bool) -> None:
    """Refuse a name that is misspelt, as it seems."""
    names = () if domain is None else domain.names
    if name in names:
        if is_new:
            raise Problem(f"-p +{name}: the domain has a parameter {name!r} already")
        return
    near = did_you_mean(name, names)
    if is_more or (not is_new and "did you mean" in near):
        way = "" if is_more else f"; a new parameter is given by -p +{name}=…"
        raise Problem(f"-p {name}: the domain has no {name!r}{near}{way}")


def _with_values(domain: Domain | None, name: str, text: str, is_more: bool) -> Domain:
    from research.domain import Domain
    from research.domain.setting import set_values

    before = [] if domain is None else _listed(domain, name)
    values: Sequence[Any]
    if before and all(isinstance(value, str) for value in before):
        values = [_as_text(part) for part in split(text)]  # '1' is a text, where all others are
    else:
        values = read_values(text)
    if before and all(isinstance(value, float) for value in before):
        values = [float(value) if type(value) is int else value for value in values]
    if not len(values):
        raise Problem(f"-p {name}: there is no value in {text!r}")
    if domain is None:
        return Domain({name: values})
    return set_values(domain, name, values, extend=is_more)


def _listed(domain: Domain, name: str) -> list[Any]:
    """Return some of a parameter's values, by which it is told of what kind they are."""
    from samplers import Sampler

    found: list[Any] = []
    for column, values in domain.columns():
        if column == name and not isinstance(values, Sampler):
            found += [getattr(value, "value", value) for value in values[:1000]]
    return found


def _as_text(text: str) -> Any:
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text.strip()
    return value if isinstance(value, str) or value is None else text.strip()
