"""The log of a study."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path

from research.errors import did_you_mean
from research.storage.folder import LOG as LOG

LEVELS = ("debug", "info", "warning", "error", "critical")


def check_level(loglevel: str | None) -> int:
    """Return the number of a level named by a user; None is 'info'."""
    name = "info" if loglevel is None else loglevel
    if not isinstance(name, str) or name.lower() not in LEVELS:
        raise ValueError(f"`loglevel` must be one of {LEVELS}, got {loglevel!r}{did_you_mean(name, LEVELS)}")
    return int(getattr(logging, name.upper()))


def open_log(path: Path | None, level: int) -> logging.Logger:
    """Return a logger of its own, which writes to a file and passes on to the logger `research`.

    A file that cannot be written ends nothing: the logger `research` is told so, once.
    """
    logger = logging.Logger("research.study", level)
    logger.addHandler(_PassOn())
    if path is not None:
        try:
            handler = _File(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            _tell(path, error)
            return logger
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        logger.addHandler(handler)
    return logger


class _File(logging.FileHandler):
    """A file that says once, in one line, that it cannot be written; others show a traceback each time."""

    _has_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_told:
            self._has_told = True
            _tell(Path(self.baseFilename), error)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what it held back cannot be written either
            super().close()


def _tell(path: Path, error: OSError) -> None:
    text = "%r cannot be written (%s); the study goes on without lines in its log"
    logging.getLogger("research").warning(text, str(path), error)


class _PassOn(logging.Handler):
    """Gives records to the logger `research`, as far as the program's levels let them pass."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = logging.getLogger("research")
        if logger.hasHandlers() and logger.isEnabledFor(record.levelno):
            logger.handle(record)


def close_log(logger: logging.Logger) -> None:
    """Close the log's file."""
    for handler in list(logger.handlers):
        handler.close()
        logger.removeHandler(handler)
