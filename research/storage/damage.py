"""What is wrong with a store, told with the name of the study."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from research.errors import ResearchError, cannot_ask, cannot_read

_OF_DAMAGE = (
    sqlite3.Error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


@contextmanager
def readable(place: object) -> Iterator[None]:
    """Turn whatever fails while rows are read and decoded into an error that says whose they are.

    Parameters
    ----------
    place : object
        The study, as the user knows it.

    Raises
    ------
    DamagedStudyError
        Instead of all errors that rows which are not what they should be can lead to.
    StudyError
        If a server does not give them.
    """
    try:
        yield
    except ResearchError:
        raise
    except Exception as error:
        from sqlalchemy.exc import DBAPIError  # takes a tenth of a second

        if isinstance(error, DBAPIError) and hasattr(error.orig, "sqlstate"):  # a server's
            raise cannot_ask(place, error) from error
        if isinstance(error, (DBAPIError, *_OF_DAMAGE)):
            raise cannot_read(place, error) from error
        raise
