"""What is said on stderr of a study as a whole, beside the progress bar."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from research.events import FAILED, LOST, TIMEOUT
from research.monitoring.monitor import Monitor


def warn(log: logging.Logger, name: str, text: str) -> None:
    """Write to the log and to stderr what a user should know."""
    log.warning(text)
    _say(name, text)


def tell_beginning(
    log: logging.Logger,
    name: str,
    seed: int,
    n_items: int | None,
    workers: object,
    has_units: bool,
    is_replaced: bool = False,
) -> None:
    """Say what a study begins with; what replaces its domain may do so at once."""
    text = "study %r: seed %s, %s configs with repetitions, %s workers"
    log.info(text, name, seed, n_items, workers)
    if not has_units:
        warn(log, name, "the experiment has no units, so that nothing will be done or saved")
    if n_items == 0 and not is_replaced:
        warn(log, name, "the domain has no configs, so that nothing will be run")


def tell_end(log: logging.Logger, name: str, monitor: Monitor, n_duplicates: int, path: Path | None) -> None:
    """Say what a user should know of a study that has ended; `path` is the log's, if it has a file."""
    if n_duplicates:
        text = f"{n_duplicates} configs were left out: an equal one came before"
        log.info(text)
        _say(name, text)
    troubles = describe_troubles(monitor, path)
    if troubles is not None:
        _say(name, troubles)


def tell_stopped(name: str, monitor: Monitor, is_kept: bool) -> None:
    """Say what is left of a study that was stopped, and how to go on with it."""
    way = "; run(resume=True) goes on with it" if is_kept else ""
    _say(name, f"stopped, with {monitor.counts.get('done', 0)} experiments done{way}")


def _say(name: str, text: str) -> None:
    print(f"{name}: {text}", file=sys.stderr)


def describe_troubles(monitor: Monitor, log: Path | None) -> str | None:
    """Say how many experiments failed or were lost, why the first one did, and where to look.

    Parameters
    ----------
    monitor : Monitor
    log : Path or None
        The log's file, if there is one.

    Returns
    -------
    str or None
        None if nothing went wrong.
    """
    counts = monitor.counts
    troubles = [f"{counts[status]} {status}" for status in (FAILED, LOST, TIMEOUT) if status in counts]
    if not troubles:
        return None
    listed = " and ".join([*filter(None, [", ".join(troubles[:-1])]), troubles[-1]])
    lines = [f"{listed} of {sum(counts.values())} experiments"]
    places = []
    if monitor.n_failed:
        lines.append(f"the first failure: {monitor.describe_first_failure()}")
        places.append("`.monitor.exceptions` of the study")
    others = [kind for status, kind in ((LOST, "were lost"), (TIMEOUT, "took too long")) if status in counts]
    if others:
        places.append(f"`.results.statuses_to_df()` of the study for those that {' or '.join(others)}")
    if log is not None:
        places.append(str(log))
    return "\n  ".join([*lines, f"see {', or '.join(places)}"])
