"""The program `research`: its commands, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from research.cli.batch import batch
from research.cli.completing import completion
from research.cli.ending import INTERRUPTED, PIPE, Problem, problem_of
from research.cli.looking import failures, log, ls, show
from research.cli.moving import check, export, import_, merge, snapshot
from research.cli.params import params
from research.cli.running import resume, run, stop
from research.cli.tables import results

EPILOG = """\b
Examples:
  research run digits.py --workers 4           run the study of a file
  research run digits.py -p C=1,10 --dry-run   what would another grid add?
  research ls                                  studies below this folder
  research results digits --order-by accuracy  a table of what came out

\b
Exit status:
  0    all is well
  1    experiments have failed, or the study is not sound
  2    the command makes no sense: a misspelt option, column or name
  3    the study could not be run, read or written
  4    there is no such study or experiment
  130  Ctrl-C (and 128 plus the signal after others)
"""


class _ClosedPipe(Exception):
    """Who read what is printed has gone."""


class _Commands(click.Group):
    """Tells errors of the library in one line, and other ones whole."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order in which one needs them

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*args, **more)
        except BrokenPipeError as error:
            raise _ClosedPipe from error
        except OSError as error:  # help or the version could not be printed
            problem = problem_of(error, None)
            if problem is None:
                raise
            raise problem from error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            value = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise _ClosedPipe from error
        except Exception as error:
            command = self.commands.get(ctx.invoked_subcommand or "")
            problem = None if ctx.params.get("traceback") else problem_of(error, command)
            if problem is None or isinstance(error, click.ClickException | click.exceptions.Exit):
                raise
            raise problem from error
        return value


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from research.version import __version__

        click.echo(f"research {__version__}")
        ctx.exit()


@click.group(cls=_Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--traceback", is_flag=True, help="Show where an error comes from.")
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show it and exit."
)
def cli(traceback: bool) -> None:
    """Run studies and read their results, from the shell.

    A NAME is the folder of a study. `research COMMAND --help` tells more.
    """


for _command in (
    *(run, ls, show, results, log, failures, resume, stop),
    *(batch, merge, snapshot, export, import_, check, params, completion),
):
    cli.add_command(_command)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit status."""
    color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    try:
        status = cli.main(list(arguments), "research", standalone_mode=False, color=color)
    except click.ClickException as error:
        if isinstance(error, Problem):
            error.color = color
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except _ClosedPipe:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # it is flushed once more at the end
        return PIPE
    return status if isinstance(status, int) else 0


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Be the program: `research` and `python -m research`."""
    _open_closed_streams()
    sys.exit(run_command(sys.argv[1:] if arguments is None else arguments))


def _open_closed_streams() -> None:
    """Let what was closed by `>&-` lead nowhere: another file would get its number, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
