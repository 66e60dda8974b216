"""The log of a study."""

from __future__ import annotations

import logging
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
    """Return a logger of its own, which writes to a file and passes on to the logger `research`."""
    logger = logging.Logger("research.study", level)
    logger.addHandler(_PassOn())
    if path is not None:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
        logger.addHandler(handler)
    return logger


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
