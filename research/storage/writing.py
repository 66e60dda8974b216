"""What puts the rows of a study into a database, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from research.errors import StudyExistsError, StudyNotFoundError
from research.storage.batch import Batch


class Begin(NamedTuple):
    """Where a study begins, or goes on: numbers that are counted on from."""

    study: int
    key: int = 0  # of the next experiment
    part: int = 0  # of what was printed last
    run: int = 0  # the number of the next


class Writer(Protocol):
    """Writes for one store: `begin`, once, then `write` and `files` as often as needed, then `close`.

    Attributes
    ----------
    place : object
        Of the database, as users know it.
    errors : tuple of classes
        What is raised if it cannot be written.
    """

    place: object
    errors: tuple[type[BaseException], ...]

    def begin(self, row: Mapping[str, Any], name: str | None, resume: bool) -> Begin:
        """Make the tables that there are not; add the study's row, or change that of one that is there.

        Raises
        ------
        StudyExistsError, StudyNotFoundError
            If there is a study of that name already; if there is none to go on with.
        """

    def write(self, study: int, batch: Batch) -> None:
        """Put the rows of a batch into their tables, all or none."""

    def files(self) -> set[str]:
        """Return the paths of large objects, in the study's folder, that the tables name."""

    def close(self) -> None:
        """Let go of connections."""


def not_found(name: str | None) -> StudyNotFoundError:
    """Return the error of who looks for a study where there is none; `name` as it is stored."""
    named = "" if name is None else f" named {name!r}"
    return StudyNotFoundError(f"the database holds no study{named}")


def exists_already(name: object) -> StudyExistsError:
    """Return the error of who begins a study that is there."""
    return StudyExistsError(f"the database holds a study named {name!r} already")
