"""`params`: groups of parameters that programs read, and how the best of them are bred."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from research.cli.ending import FAILED, OK, Problem
from research.cli.printing import ago, clean, describe_counts, print_table

if TYPE_CHECKING:
    from research.groups.store import ParameterStore

C = TypeVar("C", bound=Callable[..., Any])
_AGGREGATE = click.option(
    "--aggregate",
    type=click.Choice(["mean", "median", "worst"]),
    help="Compare groups by all data sets together. Default: within each data set.",
)
_MODE = click.option(
    "--mode", type=click.Choice(["max", "min"]), default="max", help="What is better. Default: max."
)
_DATA = click.option("--data", multiple=True, metavar="DATA", help="Only this data set. Can be repeated.")
_DATABASE = click.option(
    "--db",
    envvar=["RESEARCH_DB", "GF_DB"],
    required=True,
    metavar="FILE",
    help="The database: a file of SQLite, or a URL of PostgreSQL. Default: $RESEARCH_DB.",
)
_RECIPE = (
    click.option("--top", type=click.IntRange(min=1), default=6, help="How many have children. Default: 6."),
    click.option(
        "--children",
        type=click.IntRange(min=1),
        default=15,
        help="How many are bred at a time; for each data set, without --aggregate. Default: 15.",
    ),
    _MODE,
    _AGGREGATE,
    _DATA,
    click.option(
        "--focus", multiple=True, metavar="NAME", help="Change this parameter or tag alone. Can be repeated."
    ),
    click.option("--seed", type=int, help="Of everything random."),
)


def _with_recipe(function: C) -> C:
    for option in reversed(_RECIPE):
        function = option(function)
    return function


def _open(db: str) -> ParameterStore:
    from research.groups.store import ParameterStore

    return ParameterStore(db)


@click.group(
    short_help="Groups of parameters for any program, and breeding them.",
    epilog="""\b
Examples:
  research params load base.js override.js --db prime.db
  research params commands "python -m prog {data}" ice sea --db prime.db | sh
  research params top melt/tons -n 3 --aggregate mean --db prime.db
  research params evolve "python -m prog {data}" --metric melt/tons --workers 8 --db prime.db
""",
)
def params() -> None:
    """Keep parameters outside of programs, in groups; run programs for them; breed the best.

    Programs read the group that RESEARCH_DB and RESEARCH_GROUP name: ParameterStore().seconds_15.fast.
    """


@params.command(short_help="Load files of parameters into a group.")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@_DATABASE
@click.option("--schema", type=click.Path(), help="A TOML file with types, bounds, tags and constraints.")
def load(files: tuple[str, ...], db: str, schema: str | None) -> int:
    """Load files with lines of the form NAME = JSON into one group, and print its id.

    Later files override earlier ones. If anything is wrong in one of them, nothing is loaded.
    """
    click.echo(_open(db).load(*files, schema=schema))
    return OK


@params.command(short_help="Show groups: all of them, or what is in some.")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@_DATABASE
def show(groups: tuple[str, ...], db: str) -> int:
    """Show what is in groups, as lines that can be loaded again; without a GROUP, a list of all.

    The beginning of an id is enough.
    """
    from research.groups.names import file_name

    database = _open(db).database
    if not groups:
        rows = [
            (
                entry.id,
                entry.generation,
                len(entry.values),
                ", ".join(entry.parent_ids),
                ago(entry.created),
                entry.source or "",
            )
            for entry in database.groups()
        ]
        names = ["group", "generation", "parameters", "parents", "created", "source"]
        print_table(names, rows, ("generation", "parameters"))
        return OK
    for number, entry in enumerate([database.find(group) for group in groups]):
        parents = f", bred from {' and '.join(entry.parent_ids)}" if entry.parent_ids else ""
        who = f"{entry.user or '?'} on {entry.host or '?'}"
        click.echo(
            "\n" * bool(number) + clean(f"# {entry.id}: generation {entry.generation}{parents}, by {who}")
        )
        for path, value in entry.values.items():
            click.echo(f"{file_name(path)} = {json.dumps(value)}")
    return OK


@params.command(short_help="Show in what two groups differ.")
@click.argument("one")
@click.argument("other")
@_DATABASE
def diff(one: str, other: str, db: str) -> int:
    """Show the parameters in which two groups differ; the status is 1 if there are any."""
    found = _open(db).diff(one, other)
    rows = [(name, _shown(left), _shown(right)) for name, (left, right) in found.items()]
    if rows:
        print_table(["parameter", one, other], rows, (one, other))
    return FAILED if rows else OK


def _shown(value: Any) -> str:
    return "" if value is ... else json.dumps(value)


@params.command(short_help="Show the best groups.")
@click.argument("metric")
@_DATABASE
@click.option("-n", "n", type=click.IntRange(min=1), default=5, help="How many. Default: 5.")
@_MODE
@_AGGREGATE
@_DATA
def top(metric: str, db: str, n: int, mode: str, aggregate: str | None, data: tuple[str, ...]) -> int:
    """Show the groups with the best METRIC, as algo/metric: of each data set, or over all of them."""
    found = _open(db).top(metric, n, mode, aggregate, data or None)
    name = metric if aggregate is None else f"{aggregate} {metric}"
    rows = [(item.group, item.dataset or "(all)", repr(item.value), item.n_runs) for item in found]
    print_table(["group", "data", name, "runs"], rows, (name, "runs"))
    return OK


@params.command(short_help="Show the best of each generation.")
@click.argument("metric")
@_DATABASE
@_MODE
@_AGGREGATE
@_DATA
@click.option("--plot", type=click.Path(), metavar="FILE", help="Also draw it, into a picture.")
def history(
    metric: str, db: str, mode: str, aggregate: str | None, data: tuple[str, ...], plot: str | None
) -> int:
    """Show how good the best group of each generation is: of each data set, or over all of them."""
    found = _open(db).history(metric, mode, aggregate, data or None)
    name = metric if aggregate is None else f"{aggregate} {metric}"
    if plot is not None:
        from research.groups.plots import draw_history

        draw_history(found, name, plot)
    rows = [(item.generation, item.dataset or "(all)", repr(item.value), repr(item.so_far)) for item in found]
    print_table(["generation", "data", name, "so far"], rows, ("generation", name, "so far"))
    return OK


@params.command(short_help="Print command lines that run a program.")
@click.argument("command")
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@_DATABASE
@click.option("--group", "groups", multiple=True, metavar="GROUP", help="Only this group. Can be repeated.")
def commands(command: str, data: tuple[str, ...], db: str, groups: tuple[str, ...]) -> int:
    """Print a line for a shell for each group and DATA, in which {data} of COMMAND is filled in."""
    for line in _open(db).commands(command, data, groups or None):
        click.echo(line)
    return OK


@params.command(short_help="Breed the best groups.")
@click.argument("metric")
@_DATABASE
@_with_recipe
def breed(metric: str, db: str, data: tuple[str, ...], focus: tuple[str, ...], **options: Any) -> int:
    """Breed the groups with the best METRIC, add their children to the others, and print their ids."""
    given = {**options, "seed": options["seed"] or 0, "data": data or None, "focus": focus or None}
    for id_ in _open(db).breed(metric, **given):
        click.echo(id_)
    return OK


@params.command(short_help="Run a program, breed the best groups, and so on.")
@click.argument("command")
@_DATABASE
@click.option("--metric", required=True, help="What is to be high, or low: algo/metric.")
@click.option(
    "--generations", type=click.IntRange(min=1), default=12, help="How many to breed in all. Default: 12."
)
@click.option("--forever", is_flag=True, help="Do not stop, until Ctrl-C.")
@_with_recipe
@click.option("-w", "--workers", type=click.IntRange(min=1), default=1, help="Programs at a time.")
@click.option("--timeout", type=float, help="Seconds that a run may take.")
@click.option("--name", default="evolve", help="Of the study in the database. Default: evolve.")
@click.option("-q", "--quiet", is_flag=True, help="No bars, no best so far.")
def evolve(
    command: str,
    db: str,
    metric: str,
    generations: int,
    forever: bool,
    data: tuple[str, ...],
    focus: tuple[str, ...],
    quiet: bool,
    **options: Any,
) -> int:
    """Run COMMAND for all groups and data sets, breed the best, run it for their children, and so on.

    The same line goes on where it was ended. Programs that fail are counted, and have no children.
    """
    store = _open(db)
    if "{" not in command and not quiet:
        click.echo("COMMAND has no {data}: the program has to look at RESEARCH_DATA", err=True)
    given = {**options, "data": data or None, "focus": focus or None}
    study = store.evolve(command, metric, None if forever else generations, bar=not quiet, **given)
    counts = study.monitor.counts
    if not quiet:
        click.echo(f"{study.name} in {db}: {describe_counts(counts)}", err=True)
    return OK


@params.command(short_help="Join databases of several machines.")
@click.argument("others", nargs=-1, required=True, metavar="OTHER...")
@_DATABASE
def merge(others: tuple[str, ...], db: str) -> int:
    """Add the groups and runs of OTHER databases to that of --db."""
    if db in others:
        raise Problem(f"{db!r} cannot be merged into itself")
    found = _open(db).merge(*others)
    click.echo(f"{found.groups} new groups, {found.runs} new runs")
    return OK
