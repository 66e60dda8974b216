"""How a command ends: its status, and what it says where something is wrong."""

from __future__ import annotations

import inspect
import re
from typing import IO, Any

import click

from research.errors import (
    ContradictionError,
    DamagedStudyError,
    GroupNotFoundError,
    ResearchError,
    StudyError,
    StudyExistsError,
    StudyNotFoundError,
)

OK = 0
FAILED = 1  # an experiment has failed, or the study is not sound
USAGE = 2  # what was asked for makes no sense
BROKEN = 3  # the study could not be run, read or written
NOT_FOUND = 4  # there is no such study or experiment
INTERRUPTED = 130  # by Ctrl-C, as shells have it
PIPE = 141  # nobody reads any more, likewise

_BROKEN = (ContradictionError, DamagedStudyError, StudyError, StudyExistsError, OSError)
_ARGUMENT = re.compile(r"\b([a-z_]+)=|`([a-z_]+)`")


class Problem(click.ClickException):
    """An error that is told in its own words.

    Parameters
    ----------
    message : str
    status : int
        With which the command ends.
    hint : str, optional
        A second line.
    """

    def __init__(self, message: str, status: int = USAGE, hint: str | None = None) -> None:
        super().__init__(message)
        self.exit_code = status  # type: ignore[misc]
        self.hint = hint
        self.color: bool | None = None  # as terminals are; False: never

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it to stderr."""
        click.secho("Error: ", fg="red", nl=False, err=True, color=self.color)
        click.echo(self.format_message(), err=True)
        if self.hint:
            click.echo(self.hint, err=True)


def problem_of(error: Exception, command: click.Command | None) -> Problem | None:
    """Return what is to be said of an exception, None if it is a fault of this library.

    Parameters
    ----------
    error : Exception
    command : click.Command or None
        Whose options stand for the arguments that the error speaks of.
    """
    if isinstance(error, StudyNotFoundError | GroupNotFoundError):
        status = NOT_FOUND
    elif isinstance(error, _BROKEN):
        status = BROKEN
    elif isinstance(error, ResearchError | ValueError | TypeError | ImportError):
        status = USAGE
    else:
        return None
    message = str(error) if isinstance(error, ResearchError | ValueError) else _named(error)
    return Problem(message, status, _hint(message, command))


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error)


def _hint(message: str, command: click.Command | None) -> str | None:
    """Say how arguments of Python, of which an error speaks, are written here."""
    options = {
        item.name: item.opts[-1]
        for item in (command.params if command is not None else ())
        if isinstance(item, click.Option)
    }
    names = [first or second for first, second in _ARGUMENT.findall(message)]
    found = [options[name] for name in dict.fromkeys(names) if name in options]
    more = [name for name in dict.fromkeys(names) if name not in options and name in _arguments_of_run()]
    if "more" in options:
        found += [f"--option {name}=…" for name in more]
    return f"On the command line: {', '.join(found)}" if found else None


def _arguments_of_run() -> set[str]:
    from research.research import Research

    return set(inspect.signature(Research.run).parameters)
