"""`ls`, `show`, `log` and `failures`: what there is, without running code of studies."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

import click

from research.cli.ending import NOT_FOUND, OK, Problem
from research.cli.printing import ago, clean, describe_counts, print_table, show_status, status_color
from research.cli.shards import show_shards
from research.cli.studies import (
    TROUBLES,
    Summary,
    complete_experiment,
    find_experiment,
    find_studies,
    knows_runs,
    place_named,
    reading,
    shown,
    storage_option,
    study_argument,
    summarize,
    variables_of,
)
from research.errors import DamagedStudyError, did_you_mean, shorten
from research.storage.folder import LOG
from research.storage.places import FolderPlace, Place, keeps_files

_NUMBERS = ("int", "float", "bool")  # types of values that SQL can compare
_SHOWN = 3  # failures


@click.command(
    short_help="List studies below a folder.",
    epilog="""\b
Examples:
  research ls
  research ls experiments --status running
  research ls --json | jq -r '.[].name'
""",
)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--status",
    type=click.Choice(["running", "done", "stopped", "broken", "killed", "damaged"]),
    help="Only these.",
)
@click.option("--depth", type=click.IntRange(min=0), help="How many folders deep to look. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--storage", metavar="URL", help="List those in this PostgreSQL database.")
def ls(folder: str, status: str | None, depth: int | None, as_json: bool, storage: str | None) -> int:
    """List the studies below a FOLDER, or in a database: how many of their experiments have ended, how many
    went wrong, and when something happened last.
    """
    found = list(_summaries(Path(folder), depth) if storage is None else _summaries_in(storage))
    found = [row for row in found if status in (None, row["status"])]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    elif not found:
        where = f"below {folder!r}" if storage is None else "in this database"
        click.echo(f"there are no studies {where}", err=True)
    else:
        names = ["name", "status", "progress", "failed", "changed"]
        rows = [
            (
                row["name"],
                row["status"],
                row.get("progress", ""),
                row.get("troubles", ""),
                ago(row.get("changed")),
            )
            for row in found
        ]
        print_table(names, rows, ("progress", "failed"), status_color)
    return OK


def _summaries(top: Path, depth: int | None) -> Iterator[dict[str, Any]]:
    for path in find_studies(top, depth):
        try:
            yield _summary_row(shown(path), summarize(FolderPlace(path)))
        except DamagedStudyError:
            yield {"name": shown(path), "status": "damaged"}


def _summaries_in(storage: str) -> Iterator[dict[str, Any]]:
    from research.cli.databases import summarize_all
    from research.storage.servers import Server

    for name, known in summarize_all(Server.read(storage)):
        yield _summary_row(name, known)


def _summary_row(name: str, known: Summary) -> dict[str, Any]:
    row = {"name": name, "status": known.status, "progress": known.progress}
    return {**row, "troubles": known.n_troubles, "changed": known.changed, "counts": known.counts}


@click.command(
    short_help="Show one study: progress, failures, best.",
    epilog="""\b
Examples:
  research show digits
  research show digits --best accuracy --limit 3
  research show digits --best loss --min
  research show digits --plan
""",
)
@study_argument
@click.option("--best", metavar="VARIABLE", help="The experiments with the largest last values of it.")
@click.option("--min", "is_min", is_flag=True, help="Those with the smallest.")
@click.option("--limit", type=click.IntRange(min=1), default=5, show_default=True, help="How many.")
@click.option("--plan", is_flag=True, help="What is left to be run. This runs code: the study's definition.")
@storage_option
def show(name: str, best: str | None, is_min: bool, limit: int, plan: bool, storage: str | None) -> int:
    """Show a study as it is, also while it runs: its progress, what went wrong, and the range of each
    variable. Of a folder of shards, as `batch` makes it, it shows how far they are.
    """
    if best is None and not plan and storage is None and show_shards(name):
        return OK
    place = place_named(name, storage)
    known = summarize(place)
    if best is not None:
        _show_best(place, known, best, is_min, limit)
        return OK
    if plan:
        _show_plan(name, limit, storage)
        return OK
    for fact, text in _facts(place, known):
        click.echo(f"{click.style(fact, bold=True)}{' ' * (12 - len(fact))}{text}")
    failures = list(_failures(place, _SHOWN))
    for failure in failures:
        click.echo(f"  {failure.id}: {clean(shorten(failure.message, str))}")
    if known.n_troubles > len(failures):
        click.echo(f"  … research failures {name}{_by(storage)} tells all {known.n_troubles}")
    rows = list(_ranges(place))
    if rows:
        click.echo()
        print_table(["variable", "values", "smallest", "largest"], rows, ("values", "smallest", "largest"))
    return OK


@click.command(
    short_help="Print what an experiment has printed.",
    epilog="""\b
Examples:
  research log digits                  the log of the study
  research log digits 5a1c             of the experiment whose id begins so
  research log digits 5a1c --stderr
""",
)
@study_argument
@click.argument("id_", metavar="[ID]", required=False, shell_complete=complete_experiment)
@click.option("--stdout", "stream", flag_value="stdout", help="Only what it has printed to stdout.")
@click.option("--stderr", "stream", flag_value="stderr", help="Only to stderr.")
@storage_option
def log(name: str, id_: str | None, stream: str | None, storage: str | None) -> int:
    """Print what an experiment has printed, or, without an ID, the log of the study."""
    place = place_named(name, storage)
    if id_ is None:
        if stream is not None:
            raise Problem("--stdout and --stderr are of an experiment: give its ID")
        path = place.folder / LOG
        if not path.is_file():
            where = "" if storage is None else f" in {str(path.parent)!r}: it is where the study was run"
            raise Problem(f"the study {name!r} has no {LOG}{where}", NOT_FOUND)
        click.echo(path.read_text("utf-8", "backslashreplace"), nl=False)
        return OK
    from research.results.results import ResearchResults

    text = ResearchResults(place).log(find_experiment(place, id_), stream)
    click.echo(text, nl=bool(text) and not text.endswith("\n"))
    return OK


@click.command(
    short_help="List what went wrong.",
    epilog="""\b
Examples:
  research failures digits
  research failures digits --traceback | less
""",
)
@study_argument
@click.option("--traceback", is_flag=True, help="Where each came from.")
@click.option("--limit", type=click.IntRange(min=1), help="How many. Default: all.")
@storage_option
def failures(name: str, traceback: bool, limit: int | None, storage: str | None) -> int:
    """List the experiments that failed, were lost or took too long, and why."""
    found = list(_failures(place_named(name, storage), limit))
    if not found:
        click.echo(f"{name}: nothing went wrong", err=True)
        return OK
    if not traceback:
        rows = [
            (item.id, item.status, item.unit, item.iteration, item.config, item.message) for item in found
        ]
        names = ["id", "status", "unit", "iteration", "config", "error"]
        print_table(names, rows, ("iteration",), status_color)
        return OK
    for item in found:
        click.echo(f"{click.style(item.id, bold=True)}  {show_status(item.status)}  {item.config}")
        for line in (item.traceback.rstrip() or item.message).splitlines():
            click.echo(clean(line))
        click.echo()
    return OK


class _Failure(NamedTuple):
    id: str
    status: str
    unit: str
    iteration: str
    config: str
    message: str
    traceback: str


def _failures(place: Place, limit: int | None) -> Iterator[_Failure]:
    query = (
        "SELECT id, prefix, status, config, error, failures FROM experiments "  # noqa: S608
        f"WHERE study = :study AND status IN ({_listed(TROUBLES)}) "
        f'ORDER BY "key"{"" if limit is None else f" LIMIT {limit}"}'
    )
    with reading(place) as ask:
        for id_, prefix, status, config, error, text in ask(query):
            shown_id = f"{prefix}_{id_}" if prefix is not None else str(id_)
            given = shown_id, str(status)
            items = json.loads(text) if text else []
            for item in items:
                message = f"{item['type']}: {item['message']}" if item["message"] else item["type"]
                where = item["unit"], str(item["iteration"])
                yield _Failure(*given, *where, _config(config), message, str(item["traceback"]))
            if not items:
                yield _Failure(*given, "", "", _config(config), str(error or ""), "")


def _config(text: str) -> str:
    """Return a config as it is typed."""
    from research.domain import Config

    config = Config.from_canonical(json.loads(text))
    return clean(", ".join(f"{name}={value}" for name, value in config.items()))


def _facts(place: Place, known: Summary) -> Iterator[tuple[str, str]]:
    settings = known.settings
    yield "study", str(place.folder if keeps_files(place) else place)
    yield "status", f"{show_status(known.status)}, {ago(known.changed)}"
    yield "progress", f"{known.progress}: {describe_counts(known.counts)}"
    if known.error:
        yield "error", clean(known.error)
    yield "domain", clean(shorten(known.domain, str, 200))
    if settings.get("parameters"):
        yield "parameters", ", ".join(map(clean, settings["parameters"]))
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(known.created))
    yield "begun", f"{began}, seed {known.seed}, by version {known.version}"
    for text in _last_run(place):
        yield "last run", text
    if known.n_troubles:
        yield "failures", str(known.n_troubles)


def _last_run(place: Place) -> Iterator[str]:
    if not knows_runs(place):
        return
    query = (
        'SELECT "user", host, command, note, (SELECT count(*) FROM runs WHERE study = :study) FROM runs '
        "WHERE study = :study ORDER BY number DESC LIMIT 1"
    )
    with reading(place) as ask:
        for user, host, command, note, count in ask(query):
            text = f"{count}. of {count}, " if count > 1 else ""
            text += f"{user}@{host}: {shorten(command or '', str, 100)}"
            yield clean(f"{text} ({note})" if note else text)


def _ranges(place: Place) -> Iterator[tuple[str, int, str, str]]:
    """Walk variables: of how many experiments they are, and of numbers the smallest and largest last ones."""
    number = f"CASE WHEN type IN ({_listed(_NUMBERS)}) THEN number END"
    query = (
        f"SELECT variable, count(*), min({number}), max({number}) FROM latest "  # noqa: S608
        "WHERE study = :study GROUP BY variable ORDER BY variable"
    )
    with reading(place) as ask:
        for variable, count, low, high in ask(query):
            yield clean(variable), count, _number(low), _number(high)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _show_best(place: Place, known: Summary, variable: str, is_min: bool, limit: int) -> None:
    variables = variables_of(place, known.settings)
    query = (
        "SELECT e.id, e.prefix, e.config, l.number FROM latest l JOIN experiments e "  # noqa: S608
        'ON e.study = l.study AND e."key" = l.experiment WHERE l.study = :study AND l.variable = :variable '
        f"AND l.type IN ({_listed(_NUMBERS)}) AND l.number IS NOT NULL "
        f'ORDER BY l.number {"ASC" if is_min else "DESC"}, e."key" LIMIT {limit}'
    )
    with reading(place) as ask:
        rows = [
            (f"{prefix}_{id_}" if prefix is not None else id_, _number(number), _config(config))
            for id_, prefix, config, number in ask(query, variable=variable)
        ]
    if variable not in variables:
        raise Problem(f"there is no variable {variable!r}{did_you_mean(variable, variables)}")
    if not rows:
        raise Problem(f"the variable {variable!r} has no numbers to compare")
    print_table(["id", variable, "config"], rows, (variable,))


def _listed(words: tuple[str, ...]) -> str:
    """Return words of our own as a list of SQL."""
    return ", ".join(f"'{word}'" for word in words)


def _by(storage: str | None) -> str:
    """Return the option of a command line that says where a study is; a password in it is not shown."""
    if storage is None:
        return ""
    from research.storage.servers import read_storage

    return f" --storage {quote(read_storage(storage).hide(storage))}"


def _show_plan(name: str, limit: int, storage: str | None) -> None:
    from research.cli.choosing import as_rows
    from research.cli.scripts import program_of
    from research.planning import MOST_PLANNED
    from research.research import Research

    with program_of(Path(name)) if storage is None else nullcontext():
        study = Research.load(name, storage)
        is_long = study.domain.size is None or study.domain.size > MOST_PLANNED
        plan = study.plan(n=MOST_PLANNED if is_long else None)
    left = plan[plan["runs"]]
    counts = {str(status): int(count) for status, count in plan["status"].value_counts().items()}
    by = f"research resume {name}{_by(storage)}"
    click.echo(f"{name}: {describe_counts(counts)}; {len(left)} would be run by: {by}")
    if len(left):
        names, rows, right = as_rows(left.drop(columns="runs").head(limit))
        print_table(names, rows, right, status_color)
        if len(left) > limit:
            click.echo(f"… and {len(left) - limit} more (--limit)")
