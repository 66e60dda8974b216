"""The exceptions of this library: one small tree."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple


class ResearchError(Exception):
    """Anything that this library raises for reasons of its own."""


class UnstableValueError(ResearchError, TypeError):
    """A value has no content that would be the same in another process."""


class NoMatchError(ResearchError, ValueError):
    """A filter of a domain has matched nothing for so long that it is taken for a mistake."""


class ParametersError(ResearchError, ValueError):
    """A file of parameters cannot be run, gives no configs, or not those that were asked for."""


class UnknownParameterError(ResearchError, AttributeError, KeyError):
    """A group has no parameter of a name, or several that differ in case only."""

    __str__ = Exception.__str__  # that of a KeyError quotes its text


class GroupNotFoundError(ResearchError, LookupError):
    """There is no group of parameters of an id, or it is not said which is meant."""


class FilesError(ResearchError, ValueError):
    """Files of results, written by whatever program, are not there or cannot be read."""


class ExpressionError(ResearchError):
    """A named expression could not be evaluated."""


class ProgramError(ResearchError):
    """A program that an experiment has started could not be run, failed, or gave no result."""


class TemplateError(ResearchError):
    """A template cannot be read, or not be filled in for an experiment."""


class StudyExistsError(ResearchError, FileExistsError):
    """The folder of a new study exists already."""


class StudyNotFoundError(ResearchError, FileNotFoundError):
    """There is no study where one was looked for."""


class StudyError(ResearchError):
    """A study cannot go on, whatever its experiments do."""


class DamagedStudyError(ResearchError, ValueError):
    """What is stored of a study cannot be read: it is cut short, or was never written by this library."""


class Contradiction(NamedTuple):
    """An experiment was done twice and gave two values.

    Attributes
    ----------
    id : str
    variable : str
    iteration : int
    studies : (str, str)
    values : (object, object)
        One of each. What was not saved is shown as `<not saved>`; objects are not unpickled.
    """

    id: str
    variable: str
    iteration: int
    studies: tuple[str, str]
    values: tuple[Any, Any]

    def __str__(self) -> str:
        one, other = (
            f"{shorten(value)} in {study!r}" for study, value in zip(self.studies, self.values, strict=True)
        )
        return f"experiment {self.id}, {self.variable!r} at iteration {self.iteration}: {one}, {other}"


class ContradictionError(ResearchError, ValueError):
    """Studies that were to be merged have other values for the same experiment.

    Attributes
    ----------
    contradictions : tuple of Contradiction
        All of them; the text shows the first.
    """

    def __init__(self, message: str, contradictions: Iterable[Contradiction] = ()) -> None:
        super().__init__(message)
        self.contradictions = tuple(contradictions)


class UnitFailure(ResearchError):
    """Stands for an exception of a unit where the original did not survive the way between processes.

    Its text is `ExceptionType: message`; the traceback's text is in the record that holds it.
    """


def cannot_write(place: object, error: BaseException, need: int | None = None) -> StudyError:
    """Return the error of a study whose results cannot be kept.

    Parameters
    ----------
    place : path or URL
    error : Exception
    need : int, optional
        How many bytes were to be written.
    """
    import sqlite3  # where something is wrong

    reason = getattr(error, "orig", None) or error  # SQLAlchemy's errors quote all that was to be written
    code = getattr(reason, "sqlite_errorcode", None)
    way = "make room there, or see who may write there"
    room = "" if need is None else f" ({_describe_room(place, need)})"
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        way = "let the program end that has it open and locked, as a shell of SQLite may be, or a backup"
        room = ""
    elif hasattr(reason, "sqlstate"):  # a server's
        way, room = "see whether the server runs, has room, and lets you write", ""
    elif code == sqlite3.SQLITE_FULL or getattr(reason, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        way = "make room there"
    why = f"{type(reason).__name__}: {shorten(reason, _first_line, 300)}{room}"
    return StudyError(
        f"{str(place)!r} cannot be written: {why}; what was stored before is kept: {way}, and go on by "
        "run(resume=True)"
    )


def _describe_room(place: object, need: int) -> str:
    text = f"{need:,} bytes were to be written"
    with contextlib.suppress(OSError):
        folder = Path(str(place))
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        found = os.statvfs(folder)
        text += f", {found.f_bavail * found.f_frsize:,} are free there"
    return text


def _first_line(reason: object) -> str:
    """Leave out what a server says of its statement, which may hold values."""
    return str(reason).strip().partition("\n")[0]


def cannot_read(place: object, error: BaseException) -> DamagedStudyError:
    """Return the error of a study whose database holds what no reader understands."""
    reason = getattr(error, "orig", None) or error
    return DamagedStudyError(
        f"the study in {str(place)!r} cannot be read: {type(reason).__name__}: {shorten(reason, str)}; its "
        "files are damaged, closed to this user, or of another version of this library"
    )


def cannot_ask(place: object, error: BaseException) -> StudyError:
    """Return the error of a study in a database whose server does not give what it is asked for."""
    reason = getattr(error, "orig", None) or error
    text = shorten(reason, _first_line, 300)
    return StudyError(
        f"{str(place)!r} cannot be read: {type(reason).__name__}: {text}; see whether the server runs, and "
        "lets you read"
    )


def shorten(value: Any, show: Callable[[Any], str] = repr, most: int = 80) -> str:
    """Return a value as text that fits into a message."""
    text = show(value)
    return text if len(text) <= most else f"{text[: most - 4]} ..."


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Return the end of an error message: near matches of a misspelt name, or all names if they are few.

    Examples
    --------
    >>> did_you_mean('acuracy', ['accuracy', 'loss'])
    "; did you mean 'accuracy'?"
    >>> did_you_mean('x', ['accuracy', 'loss'])
    "; known: 'accuracy', 'loss'"
    """
    names = sorted({str(item) for item in known})
    from difflib import get_close_matches  # where something is misspelt

    near = get_close_matches(str(name), names, 3)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    if names and len(names) <= 12:
        return f"; known: {', '.join(map(repr, names))}"
    return ""
