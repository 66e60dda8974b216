"""`results`: tables of what came out."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from research.cli.choosing import as_rows, choose
from research.cli.ending import OK, Problem
from research.cli.printing import print_table, status_color
from research.cli.studies import complete_column, study_argument, study_folder

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("table", "csv", "json", "parquet")


@click.command(
    short_help="Print a table of results.",
    epilog="""\b
--where takes NAME=VALUE, NAME!=VALUE, NAME<VALUE, NAME<=VALUE, NAME>VALUE and
NAME>=VALUE; rows must meet all that are given. A missing value meets none.

\b
Examples:
  research results digits
  research results digits --where model=svm --where 'accuracy>0.9' --order -accuracy --limit 3
  research results digits --select C,gamma,accuracy --format csv > digits.csv
  research results digits -O digits.parquet
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
    help="As 'a=1' or 'b>0.5'.",
)
@click.option(
    "--order",
    multiple=True,
    metavar="COLUMNS",
    shell_complete=complete_column,
    help="Sort by them; -a: largest first.",
)
@click.option("-n", "--limit", type=click.IntRange(min=0), help="How many rows, at most.")
@click.option("--iterations", is_flag=True, help="A row for each iteration, not only last values.")
@click.option("-f", "--format", "kind", type=click.Choice(FORMATS), help="Default: table, or as FILE ends.")
@click.option("-O", "--output", metavar="FILE", help="Write it there.")
def results(
    name: str,
    select: tuple[str, ...],
    where: tuple[str, ...],
    order: tuple[str, ...],
    limit: int | None,
    iterations: bool,
    kind: str | None,
    output: str | None,
) -> int:
    """Print the results of a study, which may be running: a row for each experiment, with its parameters, its
    status and the last value of each variable. No code of the study is run.
    """
    from research.results.results import ResearchResults

    folder = study_folder(name)
    kind = kind or _kind_of(output)
    if kind == "parquet" and output is None and sys.stdout.isatty():
        raise Problem("parquet is no text: say where to, by --output FILE")
    table = choose(ResearchResults(folder), select, where, order, limit, iterations)
    if kind == "table" and output is None:
        names, rows, right = as_rows(table)
        print_table(names, rows, right, status_color)
        return OK
    data = _encoded(table, kind)
    if output is None:
        click.echo(data, nl=False)
    else:
        from research.whole import write_whole

        write_whole(Path(output), data)
    return OK


def _kind_of(output: str | None) -> str:
    if output is None:
        return "table"
    suffix = Path(output).suffix.removeprefix(".").lower()
    return suffix if suffix in FORMATS else "csv"


def _encoded(table: pd.DataFrame, kind: str) -> bytes:
    if kind == "csv":
        return table.to_csv(index=False).encode()
    if kind == "json":
        rows = [{str(name): _json(value) for name, value in row.items()} for row in table.to_dict("records")]
        return f"{json.dumps(rows, indent=1, allow_nan=False)}\n".encode()
    if kind == "parquet":
        return _parquet(table)
    return f"{table.to_string(index=False)}\n".encode()


def _json(value: Any) -> Any:
    """Return a value as JSON can say it, to the last digit: missing ones are null, all else is text."""
    if hasattr(value, "item") and getattr(value, "shape", None) == ():
        value = value.item()  # numpy's
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return None if value != value else value if abs(value) != float("inf") else str(value)
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    return str(value)


def _parquet(table: pd.DataFrame) -> bytes:
    if find_spec("pyarrow") is None:
        raise Problem("parquet needs pyarrow: pip install 'domain-research[parquet]'")
    plain = table.copy()
    for name in plain.columns:
        if plain[name].dtype == object and plain[name].map(type).nunique() > 1:
            plain[name] = plain[name].map(lambda value: None if value is None else str(value))
    return bytes(plain.to_parquet(index=False))
