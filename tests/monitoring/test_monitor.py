"""What a study says of itself: counts, exceptions, progress, log."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import pytest

from research import Domain, Research
from research.errors import UnitFailure
from research.events import Ended, Failure, Running
from research.monitoring.log import check_level, close_log, open_log
from research.monitoring.monitor import Monitor
from research.monitoring.progress import Progress
from research.monitoring.summary import describe_troubles


def failure(pickled=None):
    return Failure("fit", 3, "ValueError", "bad", "Traceback …", pickled)


def ended(id_="a", status="done", failures=()):
    return Ended(0, id_, status, 0.0, 1.0, 5, failures, None)


class Bar:
    """Has tqdm's interface and remembers."""

    def __init__(self, total, desc, unit):
        self.total, self.desc, self.unit = total, desc, unit
        self.n = 0
        self.is_closed = False

    def update(self, n):
        self.n += n

    def set_description(self, desc, refresh=True):
        self.desc = desc

    def refresh(self):
        pass

    def close(self):
        self.is_closed = True


def made(**arguments):
    bars = []

    def make(**kwargs):
        bars.append(Bar(**kwargs))
        return bars[-1]

    progress = Progress(make, "study", **arguments)
    (bar,) = bars
    return progress, bar


def test_experiments_are_counted_by_status():
    monitor = Monitor()
    for event in (Running(0, "a", 0.0, 1), Running(1, "b", 0.0, 0), ended("a"), ended("c", "lost")):
        monitor.update(event)
    assert monitor.counts == {"done": 1, "lost": 1, "running": 1}
    assert (monitor.n_failed, monitor.n_lost) == (0, 1)


def test_the_original_exception_is_given_where_it_survived():
    monitor = Monitor()
    monitor.update(ended("a", "failed", (failure(pickle.dumps(ValueError("bad"))), failure())))
    first, second = monitor.exceptions
    assert type(first["exception"]) is ValueError
    assert (first["id"], first["name"], first["it"]) == ("a", "fit", 3)
    assert isinstance(second["exception"], UnitFailure)
    assert str(second["exception"]) == "ValueError: bad"
    assert second["traceback"] == "Traceback …"


def test_what_cannot_be_unpickled_here_is_given_as_text():
    monitor = Monitor()
    monitor.update(ended("a", "failed", (failure(b"no pickle"),)))
    assert str(monitor.exceptions[0]["exception"]) == "ValueError: bad"


def test_a_monitor_is_shown_by_its_counts():
    monitor = Monitor()
    assert repr(monitor) == "<monitor: nothing has begun>"
    monitor.update(ended("a"))
    monitor.update(ended("b", "failed", (failure(),)))
    assert repr(monitor) == "<monitor: 1 done, 1 failed>"


def test_of_troubles_the_first_one_is_described_in_one_line():
    monitor = Monitor()
    assert describe_troubles(monitor, None) is None
    monitor.update(ended("a", "lost"))
    assert describe_troubles(monitor, None) == (
        "1 lost of 1 experiments\n  see `.results.statuses_to_df()` of the study for those that were lost"
    )
    long = failure()._replace(message="first line, " + "very " * 100 + "long\nsecond line")
    monitor.update(ended("b", "failed", (long, failure())))
    first, second, third = describe_troubles(monitor, Path("study/research.log")).split("\n")
    assert first == "1 failed and 1 lost of 2 experiments"
    assert second.startswith("  the first failure: ValueError: first line, very very")
    assert second.endswith("very long second line, in 'fit' of experiment b")
    assert len(second) < 300
    assert third == (
        "  see `.monitor.exceptions` of the study, or `.results.statuses_to_df()` of the study for those "
        "that were lost, or study/research.log"
    )


def test_the_bar_counts_iterations_where_their_number_is_known():
    progress, bar = made(n_experiments=2, n_iters=10)
    assert (bar.total, bar.unit) == (20, "it")
    for event in (Running(0, "a", 0.0, 4), Running(0, "a", 0.0, 7), ended("a")):
        progress.update(event)
    assert bar.n == 10
    progress.update(ended("b", "failed"))
    assert bar.n == 20
    assert bar.desc == "study (failed: 1)"
    progress.close()
    assert bar.is_closed


def test_the_bar_counts_experiments_where_iterations_are_unknown():
    progress, bar = made(n_experiments=3, n_iters=None)
    assert (bar.total, bar.unit) == (3, "exp")
    progress.update(Running(0, "a", 0.0, 4))
    progress.update(ended("a"))
    assert bar.n == 1


def test_the_total_falls_by_what_is_left_out():
    progress, bar = made(n_experiments=3, n_iters=5)
    progress.leave_out(2)
    assert bar.total == 5


def test_an_endless_study_has_a_bar_without_a_total():
    progress, bar = made(n_experiments=None, n_iters=5)
    progress.leave_out(2)
    assert bar.total is None


def test_without_a_bar_nothing_happens():
    progress = Progress(False, "study", 3, None)
    progress.update(ended("a"))
    progress.leave_out(1)
    progress.close()


def test_the_log_is_a_file_and_reaches_the_logger_research(tmp_path, caplog):
    log = open_log(tmp_path / "research.log", logging.INFO)
    with caplog.at_level(logging.INFO, "research"):
        log.info("it is %s", "said ✓")
        log.debug("it is not")
    close_log(log)
    text = (tmp_path / "research.log").read_text(encoding="utf-8")
    assert "INFO    it is said ✓" in text
    assert "not" not in text
    assert "it is said" in caplog.text


@pytest.mark.parametrize("level", ["loud", 10, "Infos"])
def test_a_level_that_does_not_exist_is_refused(level):
    with pytest.raises(ValueError, match="`loglevel` must be one of"):
        check_level(level)


def test_levels_are_known_by_name():
    assert check_level(None) == check_level("INFO") == logging.INFO


def run_with_level(level, capsys):
    handler = logging.StreamHandler()
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        Research("study", Domain(a=[1])).add_callable("f", lambda: 1 / 0).run(dump_results=False, bar=False)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    return [line for line in capsys.readouterr().err.splitlines() if "seed" in line or "failed in" in line]


def test_the_programs_levels_hold_for_what_the_log_passes_on(capsys):
    assert len(run_with_level("INFO", capsys)) == 2
    assert len(run_with_level("WARNING", capsys)) == 1
    assert run_with_level("CRITICAL", capsys) == []
