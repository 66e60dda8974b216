"""What a program reports of a run: a group, a data set, and what came of them."""

from __future__ import annotations

import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from research.errors import StudyError
from research.groups.database import REPORTS, Database, Entry
from research.groups.names import TAKEN
from research.groups.texts import dumps
from research.monitoring.process import command_line, directory, script_path, user_name
from research.reporting import REPORTS as REPORT_FILE
from research.reporting import report
from research.storage.scalars import encode_name, encode_plain, plain
from research.storage.statements import listed
from research.storage.tables import EXPERIMENTS, LATEST, RUNS, STUDIES
from research.version import __version__

DATABASE, GROUP, DATA = "RESEARCH_DB", "RESEARCH_GROUP", "RESEARCH_DATA"
_OLD = {DATABASE: ("GF_DB",), GROUP: ("GF_PARAM_GROUP",), DATA: ("GF_DATA", "GF_FAMILY")}
_commits: dict[str, str | None] = {}


def given(argument: Any, variable: str) -> Any:
    """Return an argument, or what the environment says in its place."""
    if argument is not None:
        return argument
    for name in (variable, *_OLD[variable]):
        if os.environ.get(name):
            return os.environ[name]
    return None


@contextmanager
def reporting(database: Database, entry: Entry, dataset: str) -> Iterator[dict[str, Any]]:
    """Give a dict for results, and store them in the end; see `ParameterStore.report`."""
    results: dict[str, Any] = {}
    started = time.time()
    is_told = _is_experiment(database, entry, dataset)
    try:
        yield results
        values = flat(results, entry.values)
    except BaseException as error:
        if not is_told:  # else the study sees how the program ends
            store_run(database, entry, dataset, started, {}, error)
        raise
    if is_told:
        report(values)
        return
    try:
        store_run(database, entry, dataset, started, values)
    except StudyError as error:
        error.add_note(f"what could not be stored: {json.dumps(values)}")
        raise


def _is_experiment(database: Database, entry: Entry, dataset: str) -> bool:
    """Whether this program is an experiment of a study, and the run is the one that it is there for."""
    if not os.environ.get(REPORT_FILE):
        return False
    place, own = os.environ.get(DATABASE, ""), (os.environ.get(GROUP), os.environ.get(DATA))
    return own == (entry.id, dataset) and database.is_at(place)


def flat(results: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return results by names; those in dicts are joined by '/'.

    Raises
    ------
    TypeError, ValueError
        If one is no number, text, bool or None, or is called like a parameter.
    """
    found: dict[str, Any] = {}
    for name, value in _leaves(results, ""):
        if name in found or name in parameters or name in (*TAKEN, "id", "iteration"):
            what = "twice" if name in found else "and is a parameter, or what a run is known by"
            raise ValueError(f"the result {name!r} is there {what}: give it another name")
        found[name] = value
    return found


def _leaves(results: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in results.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{name}/")
            continue
        if callable(getattr(value, "item", None)) and getattr(value, "size", 1) == 1:  # as numpy has them
            value = value.item()
        if encode_plain(value) is None:
            raise TypeError(
                f"the result {name!r} must be a number, a text, a bool or None, or a dict of them, got "
                f"{type(value).__name__} {value!r}"
            )
        yield name, value


def store_run(
    database: Database,
    entry: Entry,
    dataset: str,
    started: float,
    values: Mapping[str, Any],
    error: BaseException | None = None,
) -> None:
    """Add a run that has ended, as an experiment of the study of reports."""
    config = dumps({**entry.values, "group": entry.id, "dataset": dataset})
    id_ = secrets.token_hex(8)
    row: dict[str, Any] = dict.fromkeys(EXPERIMENTS.all_columns)
    row |= {
        "id": id_,
        "slot": 0,
        "generation": entry.generation,
        "repetition": 0,
        "pass": 0,
        "config": config,
        "status": "done" if error is None else "failed",
        "attempt": 1,
        "started": started,
        "finished": time.time(),
        "iterations": 1,
    }
    if error is not None:
        row |= {"error": plain(f"report: {type(error).__name__}: {error}"), "failures": _failure(error)}
    run = _this_run(started)
    with database.writing() as connection:
        study, key = reserve(database, connection)
        row |= {"study": study, "key": key, "number": key, "group": key}
        database.insert(connection, EXPERIMENTS, row)
        for name, value in values.items():
            encoded = encode_plain(value) or ("none", None, None)
            last = dict(zip(("type", "number", "text"), encoded, strict=True))
            keys = {"study": study, "experiment": key, "variable": encode_name(name), "iteration": 0}
            database.insert(connection, LATEST, {**keys, **last})
        database.insert(connection, RUNS, {"study": study, "number": key, **run})


def reserve(database: Database, connection: Any, n: int = 1) -> tuple[int, int]:
    """Return the number of the study of reports, and that of the first of its next experiments."""
    text = f"UPDATE {STUDIES.name} SET next_key = next_key + ? WHERE name = ? RETURNING id, next_key"
    found = database.run(connection, text, (n, REPORTS)).fetchone()
    if found is None:
        settings = json.dumps({"parameters": list(TAKEN), "variables": [], "size": None, "added": []})
        row = {
            "name": REPORTS,
            "created": time.time(),
            "seed": "0",
            "version": __version__,
            "domain": "Domain()",
            "settings": settings,
            "next_key": 0,
        }
        places = ", ".join("?" * len(row))
        made = f"INSERT INTO {STUDIES.name} ({listed(row)}) VALUES ({places}) ON CONFLICT (name) DO NOTHING"
        database.run(connection, made, list(row.values()))
        found = database.run(connection, text, (n, REPORTS)).fetchone()
    study, following = found
    return int(study), int(following) - n


def _failure(error: BaseException) -> str:
    import traceback

    text = "".join(traceback.format_exception(error))
    failure = {"unit": "report", "iteration": 0, "type": type(error).__name__, "message": str(error)}
    return json.dumps([{**failure, "traceback": text}])


def _this_run(started: float) -> dict[str, Any]:
    """Return what is kept of the process that reports."""
    script = script_path()
    return {
        "started": started,
        "user": user_name(),
        "host": os.uname().nodename,
        "directory": directory(),
        "command": _text(command_line()),
        "git_commit": None if script is None else _commit(script.parent),
        "script": None if script is None else _text(str(script)),
        "text": None,
        "note": f"Python {platform.python_version()}",
        "version": __version__,
    }


def _text(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _commit(folder: Path) -> str | None:
    """Return the commit of a folder, if it is in a repository; git is asked once in each process."""
    key = str(folder)
    if key not in _commits:
        _commits[key] = None
        if any((parent / ".git").exists() for parent in (folder, *folder.parents)):
            from research.monitoring.environment import git_commit

            _commits[key] = git_commit(folder)
    return _commits[key]
