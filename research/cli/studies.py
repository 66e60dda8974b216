"""Studies by their folders: how they are found, and what is known of one without running its code.

It is read by SQL, so that a list of many studies needs neither SQLAlchemy nor pandas.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from research.cli.ending import NOT_FOUND, Problem
from research.errors import cannot_read, did_you_mean, shorten
from research.storage.connecting import Ask
from research.storage.folder import DATABASE, EXPERIMENTS
from research.storage.parts import shards_run
from research.storage.places import FolderPlace, Place, place_of
from research.storage.servers import read_storage

RUNNING, KILLED = "running", "killed"
_TO_RUN = ("queued", RUNNING, "stopped", "lost")  # perhaps again
TROUBLES = ("failed", "lost", "timeout")
MOST_LOOKED = 20_000  # folders, where a name is misspelt or completed
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}
_OF_A_STUDY = {EXPERIMENTS, "objects", "domains", "env"}


class Summary(NamedTuple):
    """What is known of a study at a glance.

    Attributes
    ----------
    status : str
        `running`, `killed`, or how its last run ended: `done`, `stopped`, `broken`.
    counts : dict of str to int
        Of experiments, by status.
    size : int
        How many experiments there are, as far as that is known.
    changed : float
        When something happened last, in seconds since the epoch.
    """

    place: Place
    status: str
    counts: dict[str, int]
    size: int
    created: float
    changed: float
    seed: str
    version: str
    domain: str
    settings: dict[str, Any]
    error: str | None

    @property
    def progress(self) -> str:
        """How many experiments have ended, of how many."""
        n_ended = sum(count for status, count in self.counts.items() if status not in _TO_RUN)
        return f"{n_ended}/{self.size}"

    @property
    def n_troubles(self) -> int:
        """How many experiments have failed, were lost or took too long."""
        return sum(self.counts.get(status, 0) for status in TROUBLES)


def find_studies(top: Path, depth: int | None = None, most: int | None = None) -> Iterator[Path]:
    """Walk the folders of studies below a folder, itself included, by name.

    Hidden folders, links, and what is in a study are not looked at.

    Parameters
    ----------
    top : Path
    depth : int, optional
        How far below. Default: however far.
    most : int, optional
        How many folders to look at.
    """
    for n_looked, (folder, folders, files) in enumerate(os.walk(top), 1):
        path = Path(folder)
        if DATABASE in files:
            yield path
        is_deep = depth is not None and len(path.relative_to(top).parts) >= depth
        if is_deep or (most is not None and n_looked >= most):
            folders.clear()
        skipped = _SKIPPED | _OF_A_STUDY if DATABASE in files else _SKIPPED
        folders[:] = sorted(name for name in folders if name not in skipped and not name.startswith("."))


def study_folder(name: str) -> Path:
    """Return the folder of a study.

    Raises
    ------
    Problem
        If there is none there; with near matches of those below the present folder.
    """
    folder = Path(name)
    with suppress(OSError, ValueError):
        if (folder / DATABASE).is_file():
            return folder
        if folder.is_dir() and next(find_studies(folder, 1), None) is not None:
            raise Problem(
                f"{name!r} is no study, it holds some: name one of them, see: research ls {quote(name)}; "
                f"shards are joined by: research merge {quote(name)} --into NEW",
                NOT_FOUND,
            )
    known = [shown(path) for path in find_studies(Path(), most=MOST_LOOKED)]
    hint = did_you_mean(name, known) or ("" if known else "; there is none below this folder")
    raise Problem(f"there is no study {name!r}{hint}", NOT_FOUND)


def place_named(name: str, storage: str | None) -> Place:
    """Return where a study is kept: in a folder, or in a database on a server.

    Raises
    ------
    Problem, StudyNotFoundError
        If there is none there.
    """
    if storage is None:
        return FolderPlace(study_folder(name))
    place = place_of(name, read_storage(storage))
    place.check()
    return place


def shown(folder: Path) -> str:
    """Return the name of a study as it is typed."""
    return str(folder)


@contextmanager
def reading(place: Place) -> Iterator[Ask]:
    """Open the database of a study, which may be damaged, or run meanwhile, to ask it by SQL."""
    try:
        with place.asking() as ask:
            yield ask
    except (sqlite3.Error, ValueError, TypeError, LookupError, AttributeError) as error:
        raise cannot_read(place, error) from error


def summarize(place: Place) -> Summary:
    """Return what is known of a study.

    Raises
    ------
    DamagedStudyError
        If its database cannot be read.
    """
    is_running = place.is_held()  # asked first: one that ends meanwhile has written how
    with reading(place) as ask:
        query = "SELECT created, seed, version, domain, settings, finished, outcome, error FROM studies"
        found = ask(f"{query} WHERE id = :study")
        if not found:
            raise ValueError("it holds no study")
        created, seed, version, domain, text, finished, outcome, error = found[0]
        settings = json.loads(text)
        query = "SELECT status, count(*), max(started), max(finished) FROM experiments WHERE study = :study"
        rows = ask(f"{query} GROUP BY status ORDER BY status")
        counts = {str(status): int(count) for status, count, _, _ in rows}
        moments = [created, finished, *(moment for row in rows for moment in row[2:])]
        # (one process at a time runs a folder: no other shards are under way there)
        own = shards_run(settings) if isinstance(place, FolderPlace) else None
        size = settings.get("size") if own is None else own.size
        return Summary(
            place,
            RUNNING if is_running else outcome or KILLED,
            counts,
            max(sum(counts.values()), size if isinstance(size, int) else 0),
            float(created),
            max(float(moment) for moment in moments if moment is not None),
            str(seed),
            str(version),
            str(domain),
            settings,
            error,
        )


def runs_of(place: Place) -> Sequence[Sequence[Any]]:
    """Return script, command line and directory of each run of a study, as far as they are known."""
    if not knows_runs(place):
        return []
    with reading(place) as ask:
        return ask("SELECT script, command, directory FROM runs WHERE study = :study ORDER BY number")


def knows_runs(place: Place) -> bool:
    """Whether the database has a table of runs, which those of early versions lack."""
    if not isinstance(place, FolderPlace):
        return True
    with reading(place) as ask:
        return bool(ask("SELECT 1 FROM sqlite_master WHERE name = 'runs'"))


def variables_of(place: Place, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of variables: those that units are to save, then others that were saved."""
    with reading(place) as ask:
        saved = ask("SELECT DISTINCT variable FROM latest WHERE study = :study ORDER BY variable")
    return list(dict.fromkeys([*settings.get("variables", ()), *(str(name) for (name,) in saved)]))


def experiment_ids(place: Place) -> list[str]:
    """Return the ids of a study's experiments, as they are shown."""
    with reading(place) as ask:
        rows = ask('SELECT id, prefix FROM experiments WHERE study = :study ORDER BY "key"')
    return [f"{prefix}_{id_}" if prefix is not None else str(id_) for id_, prefix in rows]


def find_experiment(place: Place, text: str) -> str:
    """Return the id of the one experiment whose id is a text, or begins with it.

    Raises
    ------
    Problem
        If there is none, or several.
    """
    ids = experiment_ids(place)
    found = [id_ for id_ in ids if text in (id_, id_.rpartition("_")[2])]
    found = found or [id_ for id_ in ids if id_.startswith(text) or id_.rpartition("_")[2].startswith(text)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Problem(
            f"there is no experiment {text!r} in {str(place)!r}{did_you_mean(text, ids)}", NOT_FOUND
        )
    several = shorten(", ".join(found), str)
    raise Problem(f"{len(found)} experiments begin with {text!r}: {several}; write more of the id")


def complete_study(ctx: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Complete the name of a study, of those below the present folder."""
    found = (shown(path) for path in find_studies(Path(), depth=4, most=2000))
    return [CompletionItem(name) for name in found if name.startswith(text)]


def complete_experiment(ctx: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Complete the id of an experiment of the study that is named before it."""
    try:
        ids = experiment_ids(_named_before(ctx))
    except Exception:  # a shell that completes is told nothing
        return []
    return [CompletionItem(id_) for id_ in ids if id_.startswith(text)][:200]


def complete_column(ctx: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Complete the last of several names of columns, of the study that is named before."""
    try:
        place = _named_before(ctx)
        settings = summarize(place).settings
        variables = variables_of(place, settings)
    except Exception:  # likewise
        return []
    before, comma, last = text.rpartition(",")
    names = ["id", "status", *settings.get("parameters", ()), *variables]
    return [CompletionItem(f"{before}{comma}{name}") for name in names if name.startswith(last)]


def _named_before(ctx: click.Context) -> Place:
    """Return the study of a command that is being typed.

    Where an option lacks its value yet, the name is among what is left over.
    """
    return FolderPlace(Path(ctx.params.get("name") or ctx.args[0]))


study_argument = click.argument("name", shell_complete=complete_study)
storage_option = click.option(
    "--storage", metavar="URL", help="The PostgreSQL database that it is in. Default: its folder."
)
