"""`results`: tables of what came out."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from research.cli.choosing import as_rows, choose
from research.cli.ending import OK, Problem
from research.cli.printing import print_table, status_color
from research.cli.studies import complete_column, place_named, storage_option, study_argument

if TYPE_CHECKING:
    import pandas as pd

    from research.results.results import ResearchResults

FORMATS = ("table", "csv", "json", "jsonl", "parquet", "sqlite")
_SUFFIXES = {"db": "sqlite", "sqlite3": "sqlite", "txt": "table"}


@click.command(
    short_help="Print a table of results.",
    epilog="""\b
--where takes what `select` of the library does: f1 > 0.8, lr = 0.1,
kernel in ('rbf', 'poly'), C between 1 and 10, depth is null, joined by and, or, not.
A word after = that is no name is a text: model=svm. All that are given must hold.

\b
Examples:
  research results digits
  research results digits --where model=svm --where 'accuracy>0.9' --order-by -accuracy --limit 3
  research results digits --best accuracy -n 1 --by model
  research results digits --select C,gamma,accuracy --format csv > digits.csv
  research results digits --iterations -O digits.parquet
""",
)
@study_argument
@click.option(
    "-s",
    "--select",
    multiple=True,
    metavar="COLUMNS",
    shell_complete=complete_column,
    help="As a,b. Default: all.",
)
@click.option(
    "-w",
    "--where",
    multiple=True,
    metavar="CONDITION",
    shell_complete=complete_column,
    help="As 'a=1' or 'b>0.5 and c is not null'.",
)
@click.option(
    "--order-by",
    multiple=True,
    metavar="COLUMNS",
    shell_complete=complete_column,
    help="Sort by them; -a: largest first.",
)
@click.option("-n", "--limit", type=click.IntRange(min=0), help="How many rows, at most.")
@click.option(
    "--best", metavar="COLUMN", shell_complete=complete_column, help="The best of it first, 5 or --limit."
)
@click.option("--mode", type=click.Choice(["max", "min"]), help="What is best. Default: max.")
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMNS",
    shell_complete=complete_column,
    help="The best for each value of them.",
)
@click.option("--iterations", is_flag=True, help="A row for each iteration, not only last values.")
@click.option("-f", "--format", "kind", type=click.Choice(FORMATS), help="Default: table, or as FILE ends.")
@click.option("-O", "--output", metavar="FILE", help="Write it there.")
@storage_option
def results(
    name: str,
    select: tuple[str, ...],
    where: tuple[str, ...],
    order_by: tuple[str, ...],
    limit: int | None,
    best: str | None,
    mode: str | None,
    by: tuple[str, ...],
    iterations: bool,
    kind: str | None,
    output: str | None,
    storage: str | None,
) -> int:
    """Print the results of a study, which may be running: a row for each experiment, with its parameters, its
    status and the last value of each variable. No code of the study is run.
    """
    from research.results.results import ResearchResults
    from research.results.writers import as_path
    from research.whole import write_whole

    found = ResearchResults(place_named(name, storage))
    kind = kind or _kind_of(output)
    if output is None and (kind == "sqlite" or (kind == "parquet" and sys.stdout.isatty())):
        raise Problem(f"{kind} is no text: say where to, by --output FILE")
    is_whole = not (select or where or order_by or limit is not None or best or mode or by)
    if iterations and is_whole and output is not None and kind != "table":
        _export(found, kind, output)  # part after part, each value of its own type
        return OK
    table = choose(found, select, where, order_by, limit, iterations, best, mode, by)
    if kind == "table" and output is None:
        names, rows, right = as_rows(table)
        print_table(names, rows, right, status_color)
    elif kind == "table" and output is not None:
        write_whole(as_path(output), f"{table.to_string(index=False)}\n".encode())
    elif output is not None:
        _write(table, kind, as_path(output))
    else:
        with TemporaryDirectory() as folder:
            path = Path(folder, "table")
            _write(table, kind, path)
            click.echo(path.read_bytes(), nl=False)
    return OK


def _kind_of(output: str | None) -> str:
    if output is None:
        return "table"
    suffix = Path(output).suffix.removeprefix(".").lower()
    kind = _SUFFIXES.get(suffix, suffix or "csv")
    if kind not in FORMATS:
        from research.errors import did_you_mean

        hint = did_you_mean(suffix, FORMATS)
        raise Problem(f"--output {output!r}: {suffix!r} is no format{hint}; with --format, any name will do")
    return kind


def _export(results: ResearchResults, kind: str, output: str) -> None:
    if kind == "jsonl":
        results.to_json(output, lines=True)
    else:
        getattr(results, f"to_{kind}")(output)


def _write(table: pd.DataFrame, kind: str, path: Path) -> None:
    from research.results import writers
    from research.results.flat import FrameTable

    rows = FrameTable(table)
    with writers.written(path):
        if kind == "csv":
            writers.write_csv(rows, path)
        elif kind == "parquet":
            writers.write_parquet(rows, path)
        elif kind == "sqlite":
            writers.write_sqlite(rows, path, "results")
        else:
            writers.write_json(rows, path, lines=kind == "jsonl")
